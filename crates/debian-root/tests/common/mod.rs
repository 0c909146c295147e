//! Packages for tests that need real ones, and assemblies of them.

#![allow(dead_code, reason = "each test file uses a part")]

use std::path::{Path, PathBuf};

use kindling_base::{Command, Lock, Result, Silent};
use kindling_debian_root::{Assembly, TREE, assemble};
use kindling_tree::Tree;

/// What `minimal-debian-12` asks for, beside what is essential or required.
const WANTED: [&str; 9] = [
    "apt",
    "dbus",
    "iproute2",
    "libpam-systemd",
    "netbase",
    "systemd-sysv",
    "udev",
    "usr-is-merged",
    "?priority(required)",
];

/// 2023-11-14, before most of today's packages: clamping has something to do.
pub(crate) const EPOCH: i64 = 1_700_000_000;

/// The executable that tests start as the sandbox's helper.
pub(crate) fn helper() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_kindling-assemble"))
}

pub(crate) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// The packages of a minimal system, from the machine's own mirror; downloaded once, or found in the folder
/// that KINDLING_TEST_DEBS names.
///
/// # Errors
/// Why there are none, for a person.
pub(crate) fn debs() -> Result<Vec<PathBuf>, String> {
    let folder = match std::env::var_os("KINDLING_TEST_DEBS") {
        Some(folder) => PathBuf::from(folder),
        None => download()?,
    };
    let mut debs: Vec<PathBuf> = std::fs::read_dir(&folder)
        .map_err(|error| format!("cannot read {}: {error}", folder.display()))?
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .collect();
    debs.sort();
    Ok(debs)
}

/// The same for a test that unpacks as root.
///
/// # Errors
/// Why there are none, for a person.
pub(crate) fn debs_for_root() -> Result<Vec<PathBuf>, String> {
    match is_root() {
        true => debs(),
        false => Err("dpkg-deb and devices as root only".to_owned()),
    }
}

fn download() -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("minimal-debs");
    let _lock = Lock::acquire(&folder.with_extension("lock"), || {}).map_err(|e| e.report())?;
    if folder.join("complete").exists() {
        return Ok(folder.join("archives"));
    }
    for part in ["lists/partial", "archives/partial"] {
        std::fs::create_dir_all(folder.join(part)).unwrap();
    }
    std::fs::write(folder.join("status"), "").unwrap();
    let apt = || {
        let option = |name: &str, part: &str| format!("{name}={}", folder.join(part).display());
        Command::new("apt-get")
            .args(["-qq", "--yes", "--no-install-recommends"])
            .args([
                "-o",
                "APT::Sandbox::User=root",
                "-o",
                "Debug::NoLocking=true",
            ])
            .args(["-o", &option("Dir::State::lists", "lists")])
            .args(["-o", &option("Dir::State::status", "status")])
            .args(["-o", &option("Dir::State::extended_states", "extended")])
            .args(["-o", &option("Dir::Cache::archives", "archives")])
            .args([
                "-o",
                "Dir::Cache::pkgcache=",
                "-o",
                "Dir::Cache::srcpkgcache=",
            ])
    };
    let failed =
        |error: kindling_base::Error| format!("apt cannot download packages: {}", error.report());
    apt().arg("update").run().map_err(failed)?;
    let install = apt()
        .args(["--download-only", "install", "?essential"])
        .args(WANTED);
    install.run().map_err(failed)?;
    std::fs::write(folder.join("complete"), "").unwrap();
    Ok(folder.join("archives"))
}

/// Assembles packages in `folder`, keeps `folder/work/root` and returns the tar's path.
pub(crate) fn assemble_in(folder: &Path, debs: &[PathBuf]) -> Result<PathBuf> {
    let (work, out, log) = (folder.join("work"), folder.join("out"), folder.join("log"));
    let assembly = Assembly {
        debs,
        base: &[],
        below: &[],
        epoch: EPOCH,
        work: &work,
        out: &out,
        log: &log,
        helper: helper(),
        keep_root: true,
    };
    assemble(&assembly, &Silent)?;
    Ok(out.join(TREE))
}

pub(crate) fn text(tree: &Tree, path: &str) -> String {
    match &tree
        .get(path.as_bytes())
        .unwrap_or_else(|| panic!("no {path}"))
        .kind
    {
        kindling_tree::Kind::File(content) => String::from_utf8(content.read().unwrap()).unwrap(),
        other => panic!("{path} is {other:?}"),
    }
}
