//! Our tree equals the one that mmdebstrap makes of the very same files.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test's helpers fail as the test does"
)]

mod common;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::time::Instant;

use common::text;
use kindling_base::{Command, hash};
use kindling_debian_root::run_in_root;
use kindling_tree::{Kind, Tree};

/// Paths that may differ, and why. One that ends in a slash stands for all below it.
const DIFFERENT: [(&str, &str); 16] = [
    (
        "dev/",
        "the kernel's devtmpfs brings the devices; ours has none of the machine that builds",
    ),
    (
        "run/",
        "a tmpfs at run time; mmdebstrap keeps what base-files and udev made in it",
    ),
    ("etc/.pwd.lock", "an empty lock that whoever needs it makes"),
    (
        "etc/apt/sources.list",
        "mmdebstrap writes its own sources; ours come from the recipe",
    ),
    (
        "etc/fstab",
        "mmdebstrap writes a comment into it; ours comes from the recipe",
    ),
    ("etc/hostname", "mmdebstrap copies the machine's"),
    ("etc/resolv.conf", "mmdebstrap copies the machine's"),
    (
        "etc/machine-id",
        "both are empty; ours has the mode 0444 that systemd gives it, mmdebstrap's 0644",
    ),
    ("etc/group-", "shadow's backup"),
    ("etc/gshadow-", "shadow's backup"),
    ("etc/passwd-", "shadow's backup"),
    ("etc/shadow-", "shadow's backup"),
    (
        "var/cache/apt/archives/",
        "an apt ran from outside in mmdebstrap's: a lock, and a folder owned by _apt",
    ),
    (
        "var/lib/apt/",
        "an apt ran from outside in mmdebstrap's: locks, auxiliary folders, extended_states",
    ),
    ("var/cache/debconf/*-old", "debconf's backups"),
    ("var/lib/dpkg/*-old", "dpkg's backups"),
];

/// Files whose lines may come in another order, because packages were unpacked or configured in another one.
const UNORDERED: [&str; 5] = [
    "etc/group",
    "etc/gshadow",
    "etc/passwd",
    "etc/shadow",
    "var/lib/dpkg/triggers/File",
];

#[test]
fn the_tree_equals_mmdebstraps() {
    if !common::is_root() {
        return println!("skipped: mmdebstrap makes device nodes as root only");
    }
    if Command::new("mmdebstrap")
        .arg("--version")
        .output()
        .is_err()
    {
        return println!("skipped: mmdebstrap is not installed");
    }
    let debs = match common::debs() {
        Ok(debs) => debs,
        Err(reason) => return println!("skipped: {reason}"),
    };
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let start = Instant::now();
    let ours =
        common::assemble_in(folder.path(), &debs).unwrap_or_else(|e| panic!("{}", e.report()));
    let our_time = start.elapsed();
    let start = Instant::now();
    let theirs = mmdebstrap(folder.path(), &debs);
    println!("ours {our_time:.1?}, mmdebstrap {:.1?}", start.elapsed());

    let (ours, theirs) = (
        Tree::from_tar(&ours).unwrap(),
        Tree::from_tar(&theirs).unwrap(),
    );
    assert!(ours.len() > 3000, "{} entries", ours.len());
    let (ours, theirs) = (describe(&ours), describe(&theirs));
    let mut report = String::new();
    for path in ours.keys().chain(theirs.keys()).collect::<BTreeSet<_>>() {
        let (our, their) = (ours.get(path), theirs.get(path));
        if our != their && !explained(path) {
            writeln!(
                report,
                "{path}\n  ours       {our:?}\n  mmdebstrap {their:?}"
            )
            .unwrap();
        }
    }
    assert!(report.is_empty(), "{report}");
    check_database(folder.path());
}

/// `dpkg --audit` and `dpkg -V` have nothing to say in our tree.
fn check_database(folder: &Path) {
    let root = folder.join("work/root");
    for check in ["--audit", "-V"] {
        let log = folder.join(format!("dpkg{check}.log"));
        run_in_root(common::helper(), &root, &["dpkg", check], &log)
            .unwrap_or_else(|error| panic!("{}", error.report()));
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "", "dpkg {check}");
    }
    kindling_sandbox::remove(common::helper(), &root, &folder.join("log")).unwrap();
}

fn explained(path: &str) -> bool {
    DIFFERENT
        .iter()
        .any(|(different, _)| match different.split_once('*') {
            Some((start, end)) => path.starts_with(start) && path.ends_with(end),
            None => path == *different || (different.ends_with('/') && path.starts_with(different)),
        })
}

/// Makes a tar of a repository that has these files and no others.
fn mmdebstrap(folder: &Path, debs: &[PathBuf]) -> PathBuf {
    let repository = folder.join("repository");
    std::fs::create_dir(&repository).unwrap();
    let (mut index, mut names) = (String::new(), Vec::new());
    for deb in debs {
        let name = deb.file_name().unwrap().to_str().unwrap();
        if std::fs::hard_link(deb, repository.join(name)).is_err() {
            std::fs::copy(deb, repository.join(name)).unwrap();
        }
        let field = |field: &str| {
            Command::new("dpkg-deb")
                .arg("-f")
                .arg(deb)
                .arg(field)
                .run()
                .unwrap()
                .text()
        };
        let control = Command::new("dpkg-deb")
            .arg("-f")
            .arg(deb)
            .run()
            .unwrap()
            .text();
        let size = deb.metadata().unwrap().len();
        let sha256 = hash::file(deb).unwrap();
        writeln!(
            index,
            "{control}\nFilename: ./{name}\nSize: {size}\nSHA256: {sha256}\n"
        )
        .unwrap();
        names.push(field("Package"));
    }
    std::fs::write(repository.join("Packages"), index).unwrap();
    let tar = folder.join("mmdebstrap.tar");
    Command::new("mmdebstrap")
        .args(["--quiet", "--variant=essential", "--mode=root"])
        .arg(format!("--include={}", names.join(",")))
        // The links of the merged /usr, as in the images of Debian's installer.
        .arg("--hook-dir=/usr/share/mmdebstrap/hooks/merged-usr")
        .arg("") // no suite: the repository is flat
        .arg(&tar)
        .arg(format!(
            "deb [trusted=yes] copy:{} ./",
            repository.display()
        ))
        .env("SOURCE_DATE_EPOCH", common::EPOCH.to_string())
        .run()
        .unwrap_or_else(|error| panic!("{}", error.report()));
    tar
}

/// What must be equal: type, mode, owners by name (ids depend on the order of configuration) and content.
fn describe(tree: &Tree) -> BTreeMap<String, String> {
    let users = names(&text(tree, "etc/passwd"));
    let groups = names(&text(tree, "etc/group"));
    let mut described = BTreeMap::new();
    for (path, entry) in tree.iter() {
        let path = String::from_utf8(path.to_vec()).unwrap();
        let kind = match &entry.kind {
            Kind::File(content) => {
                let bytes = content.read().unwrap();
                match String::from_utf8(bytes) {
                    Ok(text) if UNORDERED.contains(&path.as_str()) => {
                        unordered(&path, &text, &groups)
                    }
                    Ok(text) if text.len() < 200 => format!("file {text:?}"),
                    Ok(text) => format!("file {}", hash::bytes(text.as_bytes())),
                    Err(error) => format!("file {}", hash::bytes(error.as_bytes())),
                }
            }
            other => format!("{other:?}"),
        };
        let name = |names: &HashMap<u32, String>, id| {
            names.get(&id).cloned().unwrap_or_else(|| format!("#{id}"))
        };
        let (user, group) = (name(&users, entry.uid), name(&groups, entry.gid));
        let xattrs = &entry.xattrs;
        let owner = match entry.kind {
            Kind::HardLink(_) => String::new(), // the target's count
            _ => format!(" {:o} {user}:{group} {xattrs:?}", entry.mode),
        };
        described.insert(path, format!("{kind}{owner}"));
    }
    described
}

fn names(accounts: &str) -> HashMap<u32, String> {
    accounts
        .lines()
        .map(|line| {
            let fields: Vec<&str> = line.split(':').collect();
            (fields[2].parse().unwrap(), fields[0].to_owned())
        })
        .collect()
}

/// Sorted lines. Groups that packages make have the next free number, so they count by name.
fn unordered(path: &str, text: &str, groups: &HashMap<u32, String>) -> String {
    let dynamic = |id: &str| id.parse::<u32>().is_ok_and(|id| (100..1000).contains(&id));
    let mut lines: Vec<String> = text
        .lines()
        .map(|line| {
            let mut fields: Vec<String> = line.split(':').map(str::to_owned).collect();
            if path == "etc/passwd" {
                fields[3] = groups[&fields[3].parse().unwrap()].clone();
            }
            if matches!(path, "etc/passwd" | "etc/group") && dynamic(&fields[2]) {
                fields[2] = "dynamic".into();
            }
            fields.join(":")
        })
        .collect();
    lines.sort();
    lines.join("\n")
}
