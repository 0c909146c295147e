//! Keys of stages: what can change a stage's bytes changes its key, and nothing else does.
//!
//! Cargo itself says what a stage's crate uses (`cargo tree`). Files are touched in memory.

#![expect(
    clippy::unwrap_used,
    reason = "helpers of tests, outside of test functions"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use kindling_base::Command;
use kindling_closure::{Closure, Disk, Error, Files, closure};

/// The stages, each with the hash that was compiled into its crate.
const STAGES: [(&str, &str); 8] = [
    ("kindling-debian-root", kindling_debian_root::CODE),
    ("kindling-initramfs", kindling_initramfs::CODE),
    ("kindling-kernel", kindling_kernel::CODE),
    ("kindling-lint-stage", kindling_lint_stage::CODE),
    ("kindling-programs", kindling_programs::CODE),
    ("kindling-publish", kindling_publish::CODE),
    ("kindling-rootfs", kindling_rootfs::CODE),
    ("kindling-stock-kernel", kindling_stock_kernel::CODE),
];

/// The files as they are, but for one of them, in which a text is replaced or to which one is appended.
struct Touched<'a> {
    path: &'a Path,
    from: &'a str,
    to: &'a str,
}

impl Files for Touched<'_> {
    fn read(&self, path: &Path) -> Result<Vec<u8>, Error> {
        let bytes = Disk.read(path)?;
        if path.canonicalize().ok() != self.path.canonicalize().ok() {
            return Ok(bytes);
        }
        let text = String::from_utf8(bytes).unwrap();
        let touched = match self.from {
            "" => text.clone() + self.to,
            from => text.replacen(from, self.to, 1),
        };
        assert_ne!(text, touched, "{}", path.display());
        Ok(touched.into_bytes())
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn folder(package: &str) -> PathBuf {
    root()
        .join("crates")
        .join(package.trim_start_matches("kindling-"))
}

fn of(package: &str) -> Closure {
    closure(&folder(package), &Disk).unwrap()
}

/// The packages that cargo compiles into a crate, tests apart: ours by name, those of registries by name and version.
fn used(package: &str) -> (BTreeSet<String>, BTreeSet<(String, String)>) {
    let mut command = Command::new(env!("CARGO"))
        .args(["tree", "--locked", "--offline", "--edges", "normal,build"])
        .args(["--prefix", "none", "--package", package])
        .args(["--prune", "kindling-closure"]) // computes keys, and never a result
        .directory(root());
    for key in ["CARGO_HOME", "RUSTUP_HOME", "RUSTUP_TOOLCHAIN"] {
        if let Some(value) = std::env::var_os(key) {
            command = command.env(key, value);
        }
    }
    let (mut ours, mut theirs) = (BTreeSet::new(), BTreeSet::new());
    for line in command.run().unwrap().text().lines() {
        let mut words = line.split(' ');
        let (name, version) = (words.next().unwrap(), words.next().unwrap());
        match name.starts_with("kindling-") {
            true => ours.insert(name.to_owned()),
            false => theirs.insert((name.to_owned(), version.trim_start_matches('v').to_owned())),
        };
    }
    (ours, theirs)
}

#[test]
fn every_crate_with_a_key_is_among_the_stages_and_has_the_key_of_its_code() {
    let with_key = std::fs::read_dir(root().join("crates")).unwrap().flatten();
    let with_key = with_key.filter(|entry| {
        let script = std::fs::read_to_string(entry.path().join("build.rs"));
        script.is_ok_and(|script| script.contains("kindling_closure::emit"))
    });
    let with_key: BTreeSet<String> = with_key
        .map(|entry| format!("kindling-{}", entry.file_name().into_string().unwrap()))
        .collect();
    let stages: BTreeSet<String> = STAGES.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(with_key, stages);
    for (package, code) in STAGES {
        assert_eq!(of(package).key(), code, "{package}");
    }
}

#[test]
fn a_key_covers_the_crates_that_cargo_compiles_in_and_no_others_of_ours() {
    for (package, _) in STAGES {
        let closure = of(package);
        let (ours, theirs) = used(package);
        let covered: BTreeSet<String> = closure.folders.keys().cloned().collect();
        assert_eq!(covered, ours, "{package}");
        let missing: Vec<_> = theirs
            .iter()
            .filter(|id| !closure.locked.contains_key(*id))
            .collect();
        assert!(missing.is_empty(), "{package}: {missing:?}");
    }
}

#[test]
fn a_touched_file_changes_the_keys_of_the_stages_that_use_its_crate_and_of_no_others() {
    let members = std::fs::read_dir(root().join("crates")).unwrap().flatten();
    let keys: BTreeMap<&str, String> = STAGES
        .map(|(package, _)| (package, of(package).key()))
        .into();
    for member in members {
        let source = member.path().join("src/lib.rs");
        let name = format!("kindling-{}", member.file_name().into_string().unwrap());
        if !source.is_file() || name == "kindling-closure" {
            continue;
        }
        let touched = Touched {
            path: &source,
            from: "",
            to: "\n// touched\n",
        };
        for (package, _) in STAGES {
            let uses = used_by(package).contains(&name);
            let key = closure(&folder(package), &touched).unwrap().key();
            assert_eq!(key != keys[package], uses, "{name} in {package}");
        }
    }
}

#[test]
fn another_version_of_a_locked_crate_changes_the_keys_of_exactly_the_stages_that_use_it() {
    let lock = root().join("Cargo.lock");
    let text = std::fs::read_to_string(&lock).unwrap();
    for name in ["zstd", "tar", "flate2"] {
        let entry = text
            .split("[[package]]")
            .find(|entry| entry.contains(&format!("name = \"{name}\"\n")));
        let checksum = entry
            .unwrap()
            .split("checksum = \"")
            .nth(1)
            .unwrap()
            .split('"')
            .next()
            .unwrap();
        let touched = Touched {
            path: &lock,
            from: checksum,
            to: &"0".repeat(64),
        };
        let mut users = Vec::new();
        for (package, _) in STAGES {
            let uses = used(package).1.iter().any(|(used, _)| used == name);
            let key = closure(&folder(package), &touched).unwrap().key();
            assert_eq!(key != of(package).key(), uses, "{name} in {package}");
            users.extend(uses.then_some(package));
        }
        assert!(
            !users.is_empty() && users.len() < STAGES.len(),
            "{name}: {users:?}"
        );
    }
}

#[test]
fn what_the_mirror_client_says_rebuilds_nothing() {
    for (package, _) in STAGES {
        let uses = used_by(package);
        for client in [
            "kindling-fetch",
            "kindling-debian",
            "kindling-npm",
            "kindling-image",
            "kindling-recipe",
        ] {
            assert!(!uses.contains(client), "{package} depends on {client}");
        }
    }
}

fn used_by(package: &str) -> BTreeSet<String> {
    of(package).folders.into_keys().collect()
}
