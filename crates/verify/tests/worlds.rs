//! A build that writes its circumstances into the bundle: each of them is found and named.

#![allow(clippy::unwrap_used, reason = "a test's helpers fail as the test does")]

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use kindling_base::{Command, Result, Silent, files};
use kindling_store::Store;
use kindling_verify::{Project, Request, verify};

/// Stands where `cargo xtask` stands: `build-image ... --out OUT`. One file for each circumstance, and one without.
const PLANTED: &str = r#"#!/bin/sh
while [ $# -gt 0 ]; do
    [ "$1" != --out ] || out=$2
    shift
done
mkdir -p "$out/planted"

put() { cat > "$out/planted/$1"; }
echo always | put nothing
echo "$PWD" | put checkout
echo "$out" | put output
echo "$HOME" | put home
echo "$CARGO_HOME" | put cargo-home
echo "$TMPDIR" | put temporary
gcc --version 2>&1 | put compiler
cargo --version 2>&1 | put cargo
date +%Z | put time-zone
echo "$LC_ALL" | put locale
umask | put umask
nproc | put processors
date +%F | put clock
ls -U /etc | put order
id -u | put user
hostname | put host-name
"#;

/// What an ordinary user cannot change for a build of their own.
const ROOTS: [&str; 2] = ["user", "host-name"];

/// A project without a file, compiled by the machine's compiler.
struct Empty;

impl Project for Empty {
    fn copy(&self, to: &Path) -> Result<()> {
        files::create_dir_all(to)
    }

    fn compile(&self, folder: &Path, source: &str, library: &str) -> Result<()> {
        let gcc = Command::new("gcc").args(["-shared", "-fPIC", "-o"]);
        let (source, library) = (folder.join(source), folder.join(library));
        gcc.arg(&library).arg(&source).run().map(drop)
    }
}

/// The report on two builds with `program`, or `None` where they are the same.
fn report(program: &Path, folder: &Path) -> Option<String> {
    let checkout = folder.join("checkout");
    files::create_dir_all(&checkout).unwrap();
    let request = Request {
        program,
        arguments: &["planted".to_owned()],
        checkout: &checkout,
        project: &Empty,
        recipe: "planted",
        blobs: Vec::new(),
        shared: Vec::new(),
        stages: Vec::new(),
        store: &Store::open(&folder.join("store")).unwrap(),
    };
    match verify(&request, &Silent) {
        Ok(_) => None,
        Err(error) => Some(error.report()),
    }
}

fn program(folder: &Path, text: &str) -> std::path::PathBuf {
    let path = folder.join("build");
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
    path
}

#[test]
fn whatever_a_build_writes_of_its_circumstances_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let report = report(&program(folder.path(), PLANTED), folder.path()).unwrap();
    let root = rustix::process::geteuid().is_root();
    let files = PLANTED.lines().filter_map(|line| line.split_once("put "));
    let names = files
        .map(|(_, name)| name)
        .filter(|name| !name.contains('{'));
    let mut count = 0;
    for name in names {
        let varied = name != "nothing" && (root || !ROOTS.contains(&name));
        let told = report.contains(&format!("{name}: "));
        assert_eq!(told, varied, "{name} in:\n{report}");
        count += usize::from(varied);
    }
    let expected = format!("two builds of planted differ in {count} files");
    assert!(report.contains(&expected), "{report}");
}

#[test]
fn a_build_that_looks_at_nothing_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let plain = PLANTED
        .lines()
        .filter(|line| !line.contains("| put ") || line.ends_with("put nothing"));
    let plain: String = plain.flat_map(|line| [line, "\n"]).collect();
    assert_eq!(report(&program(folder.path(), &plain), folder.path()), None);
}

#[test]
fn a_build_that_fails_says_where_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let failing =
        "#!/bin/sh\n[ \"$TZ\" != Pacific/Apia ] || { echo error: no time >&2; exit 3; }\n";
    let report = report(&program(folder.path(), failing), folder.path()).unwrap();
    assert!(
        report.starts_with("error: a build failed: another path"),
        "{report}"
    );
    assert!(report.contains("\n  error: no time"), "{report}");
    assert!(!report.contains("sh -ec"), "{report}");
}
