//! Our solver against apt itself: the same indices, the same requests, the same packages.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and prints what it skips"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use kindling_base::{Command, Silent};
use kindling_deb::{deb822, version};
use kindling_debian::{
    Archive, Index, Mirrors, PackagesFile, Request, fetch_packages_files, solve,
};
use kindling_fetch::Client;
use kindling_store::Store;

/// What is asked for, and whether recommended packages come along.
const REQUESTS: [(&str, bool); 14] = [
    (
        "systemd-sysv udev dbus apt iproute2 ca-certificates netbase ifupdown kmod procps iputils-ping",
        false,
    ),
    (
        "xvfb openbox xterm x11vnc websockify novnc chromium xdg-utils nodejs fonts-dejavu-core fonts-liberation",
        false,
    ),
    ("xvfb openbox xterm x11vnc novnc chromium xdg-utils", true),
    ("python3 python3-pip", false),
    ("python3 python3-pip", true),
    ("nginx", true),
    ("postgresql", true),
    ("openssh-server", false),
    ("openssh-server", true),
    ("default-mta mutt", false),
    ("default-mta mutt", true),
    ("build-essential git", true),
    ("qemu-system-x86", false),
    ("docker.io", true),
];

/// Whole desktops: seconds for an unoptimised solver, so they are asked for in release builds only.
const LARGE_REQUESTS: [(&str, bool); 3] = [
    ("gnome-core", true),
    ("task-xfce-desktop libreoffice", true),
    ("default-jdk maven r-base octave", true),
];

#[test]
fn we_choose_what_apt_chooses() {
    let Some(files) = indices() else { return };
    let mut index = Index::new("amd64");
    for file in &files {
        index.add(&file.suite, file.priority, &file.text);
    }
    let root = tempfile::tempdir().unwrap();
    let Some(apt) = Apt::set_up(root.path(), &files) else {
        return;
    };
    let base = base(&files);
    let mut differences = Vec::new();
    let versioned = older_version(&files);
    let large: &[_] = if cfg!(debug_assertions) {
        println!("skipped: whole desktops, in an unoptimised build");
        &[]
    } else {
        &LARGE_REQUESTS
    };
    let requests = REQUESTS
        .iter()
        .chain(large)
        .map(|(packages, recommends)| ((*packages).to_owned(), *recommends))
        .chain(versioned.map(|package| (package, false)));
    for (packages, recommends) in requests {
        let packages: Vec<String> = packages.split_whitespace().map(str::to_owned).collect();
        let request = Request {
            packages: packages.clone(),
            recommends,
        };
        let (ours, theirs) = std::thread::scope(|scope| {
            let apt = scope.spawn(|| apt.install(&base, &packages, recommends));
            (choose(&index, &request), apt.join().unwrap())
        });
        println!(
            "{:5} packages: {} (recommends: {recommends})",
            ours.len(),
            packages.join(" ")
        );
        if ours != theirs {
            differences.push(format!(
                "{} (recommends: {recommends})\n  only ours: {:?}\n  only apt's: {:?}",
                packages.join(" "),
                ours.difference(&theirs).collect::<Vec<_>>(),
                theirs.difference(&ours).collect::<Vec<_>>(),
            ));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

/// What we choose: `name version architecture`.
fn choose(index: &Index, request: &Request) -> BTreeSet<String> {
    match solve(index, request) {
        Ok(set) => set
            .iter()
            .map(|p| format!("{} {} {}", p.name, p.version, p.architecture))
            .collect(),
        Err(error) => [error.report()].into(),
    }
}

/// The real indices of Debian 12 from the machine's own mirror.
fn indices() -> Option<Vec<PackagesFile>> {
    let archive = Archive {
        distribution: "debian".to_owned(),
        vendor: false,
        suites: ["bookworm", "bookworm-updates", "bookworm-security"]
            .map(String::from)
            .into(),
        components: vec!["main".to_owned()],
        architecture: "amd64".to_owned(),
        keyring: Path::new(env!("CARGO_MANIFEST_DIR")).join("../../recipes/keyrings/debian-12.asc"),
        keys: Vec::new(),
        allow_expired: false,
        now: SystemTime::now(),
    };
    let store = Store::open(&Path::new(env!("CARGO_TARGET_TMPDIR")).join("apt-oracle")).unwrap();
    let mirrors = Mirrors::of_this_machine(&[], &BTreeMap::new()).unwrap();
    match fetch_packages_files(&Client::default(), &archive, &mirrors, &store, &Silent) {
        Ok(files) => Some(files),
        Err(error) => {
            println!("skipped: no indices of Debian 12: {}", error.report());
            None
        }
    }
}

/// Names of the packages that every system has.
fn base(files: &[PackagesFile]) -> BTreeSet<String> {
    files
        .iter()
        .flat_map(|file| deb822::paragraphs(&file.text))
        .filter(|p| p.get("Essential") == Some("yes") || p.get("Priority") == Some("required"))
        .map(|p| p.get("Package").unwrap().to_owned())
        .collect()
}

/// A request for a version of openssl that is not the newest one, if an older one is still in a suite.
fn older_version(files: &[PackagesFile]) -> Option<String> {
    let mut versions: Vec<&str> = files
        .iter()
        .flat_map(|file| deb822::paragraphs(&file.text))
        .filter(|p| p.get("Package") == Some("openssl"))
        .filter_map(|p| p.get("Version"))
        .collect();
    versions.sort_by(|a, b| version::compare(a, b));
    versions.first().map(|version| format!("openssl={version}"))
}

/// An apt that knows only our indices and a system on which nothing is installed.
struct Apt {
    config: PathBuf,
}

impl Apt {
    /// Prepares the folders below `root`; `None`, with a line, where apt is missing.
    fn set_up(root: &Path, files: &[PackagesFile]) -> Option<Self> {
        for folder in [
            "etc/apt/apt.conf.d",
            "etc/apt/preferences.d",
            "var/lib/dpkg",
            "var/lib/apt/lists/partial",
            "var/cache/apt/archives/partial",
        ] {
            std::fs::create_dir_all(root.join(folder)).unwrap();
        }
        std::fs::write(root.join("var/lib/dpkg/status"), "").unwrap();
        let mut sources = String::new();
        for file in files {
            let folder = root.join(&file.suite);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("Packages"), &file.text).unwrap();
            sources.push_str(&format!("deb [trusted=yes] file:{} ./\n", folder.display()));
        }
        std::fs::write(root.join("etc/apt/sources.list"), sources).unwrap();
        let config = root.join("apt.conf");
        let text = format!(
            "Dir \"{0}/\";\nDir::State::status \"{0}/var/lib/dpkg/status\";\nAPT::Architecture \"amd64\";\n\
             APT::Architectures {{ \"amd64\"; }};\nAPT::Sandbox::User \"\";\nAcquire::Languages \"none\";\n\
             Debug::NoLocking \"true\";\n",
            root.display()
        );
        std::fs::write(&config, text).unwrap();
        let update = Command::new("apt-get")
            .env("APT_CONFIG", &config)
            .arg("update")
            .run();
        match update {
            Ok(_) => Some(Self { config }),
            Err(error) => {
                println!(
                    "skipped: apt cannot read the indices here: {}",
                    error.report()
                );
                None
            }
        }
    }

    /// What `apt-get -s install` would install: `name version architecture`.
    fn install(
        &self,
        base: &BTreeSet<String>,
        packages: &[String],
        recommends: bool,
    ) -> BTreeSet<String> {
        let output = Command::new("apt-get")
            .env("APT_CONFIG", &self.config)
            .args(["--simulate", "install"])
            .arg(if recommends {
                "--install-recommends"
            } else {
                "--no-install-recommends"
            })
            .args(base)
            .args(packages)
            .run();
        let text = match output {
            Ok(output) => output.text(),
            Err(error) => return [error.report()].into(),
        };
        // Inst NAME (VERSION ORIGIN [ARCHITECTURE]) [what it breaks for a moment]
        text.lines()
            .filter_map(|line| line.strip_prefix("Inst "))
            .map(|line| {
                let (name, rest) = line.split_once(" (").unwrap();
                let (version, rest) = rest.split_once(' ').unwrap();
                let (_, rest) = rest.split_once('[').unwrap();
                let (architecture, _) = rest.split_once("])").unwrap();
                format!("{name} {version} {architecture}")
            })
            .collect()
    }
}
