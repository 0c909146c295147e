//! Tests of the walk, on a small workspace.

use std::fs;
use std::path::Path;

use super::*;

/// A workspace in which `stage` uses `lib` (by path) and `zip` (of a registry, which needs `bits`), and only its tests use
/// `try` and `other`.
fn workspace(root: &Path) {
    let write = |path: &str, text: &str| {
        let path = root.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    write(
        "Cargo.toml",
        "[workspace]\nmembers = [\"stage\", \"lib\", \"other\"]\n[workspace.dependencies]\nlib = { path = \"lib\" }\n\
         zip = { version = \"1\", features = [\"fast\"] }\n[profile.release]\ndebug = true\n",
    );
    write(
        "Cargo.lock",
        "version = 4\n\
         [[package]]\nname = \"bits\"\nversion = \"2.0.0\"\nchecksum = \"b2\"\nsource = \"r\"\n\
         [[package]]\nname = \"bits\"\nversion = \"3.0.0\"\nchecksum = \"b3\"\nsource = \"r\"\n\
         [[package]]\nname = \"lib\"\nversion = \"0.1.0\"\n\
         [[package]]\nname = \"other\"\nversion = \"0.1.0\"\ndependencies = [\"bits 3.0.0\"]\n\
         [[package]]\nname = \"stage\"\nversion = \"0.1.0\"\ndependencies = [\"lib\", \"other\", \"try\", \"zip\"]\n\
         [[package]]\nname = \"try\"\nversion = \"1.0.0\"\nchecksum = \"t1\"\nsource = \"r\"\n\
         [[package]]\nname = \"zip\"\nversion = \"1.0.0\"\nchecksum = \"z1\"\nsource = \"r\"\ndependencies = [\"bits 2.0.0\"]\n",
    );
    write(
        "stage/Cargo.toml",
        "[package]\nname = \"stage\"\nversion = \"0.1.0\"\n[dependencies]\nlib.workspace = true\n\
         [target.'cfg(unix)'.dependencies]\nzip.workspace = true\n\
         [dev-dependencies]\nother = { path = \"../other\" }\ntry = \"1\"\n",
    );
    write("stage/src/lib.rs", "mod a; #[cfg(test)] mod tests;");
    write("stage/src/a.rs", "");
    write("stage/src/tests.rs", "");
    write("stage/tests/end.rs", "");
    write("stage/templates/page.html", "");
    write(
        "lib/Cargo.toml",
        "[package]\nname = \"lib\"\nversion = \"0.1.0\"\n",
    );
    write("lib/src/lib.rs", "");
    write(
        "other/Cargo.toml",
        "[package]\nname = \"other\"\nversion = \"0.1.0\"\n[dependencies]\nbits = \"3\"\n",
    );
    write("other/src/lib.rs", "");
}

/// Replaces `from` by `to` in a file, or appends `to` where `from` is empty.
fn edit(root: &Path, path: &str, from: &str, to: &str) {
    let path = root.join(path);
    let old = fs::read_to_string(&path).unwrap();
    let new = match from {
        "" => format!("{old}{to}"),
        _ => old.replace(from, to),
    };
    assert_ne!(old, new, "{from}");
    fs::write(path, new).unwrap();
}

fn key(root: &Path) -> String {
    closure(&root.join("stage"), &Disk).unwrap().key()
}

#[test]
fn what_can_change_a_result_changes_the_key() {
    for (path, from, to) in [
        ("stage/src/a.rs", "", "x"),
        ("stage/templates/page.html", "", "x"),
        ("lib/src/lib.rs", "", "x"),
        ("Cargo.lock", "z1", "z2"),
        ("Cargo.lock", "b2", "b9"),
        ("Cargo.toml", "fast", "small"),
        (
            "stage/Cargo.toml",
            "cfg(unix)'.dependencies]\nzip.workspace = true",
            "cfg(unix)'.dependencies]\nzip = \"1\"",
        ),
        ("lib/Cargo.toml", "", "[features]\nmore = []\n"),
    ] {
        let root = tempfile::tempdir().unwrap();
        workspace(root.path());
        let before = key(root.path());
        assert_eq!(before, key(root.path()));
        edit(root.path(), path, from, to);
        assert_ne!(before, key(root.path()), "{path}: {from} -> {to}");
    }
}

#[test]
fn what_cannot_change_a_result_leaves_the_key() {
    for (path, from, to) in [
        ("stage/src/tests.rs", "", "x"),
        ("stage/tests/end.rs", "", "x"),
        ("other/src/lib.rs", "", "x"),
        ("Cargo.lock", "t1", "t2"),
        ("Cargo.lock", "b3", "b9"),
        ("Cargo.toml", "debug = true", "debug = false"),
        ("stage/Cargo.toml", "try = \"1\"", "try = \"1.0\""),
        (
            "lib/Cargo.toml",
            "[package]\n",
            "[package]\ndescription = \"x\"\n",
        ),
    ] {
        let root = tempfile::tempdir().unwrap();
        workspace(root.path());
        let before = key(root.path());
        edit(root.path(), path, from, to);
        assert_eq!(before, key(root.path()), "{path}: {from} -> {to}");
    }
}

#[test]
fn a_new_file_and_a_moved_checkout() {
    let root = tempfile::tempdir().unwrap();
    let here = root.path().join("a");
    workspace(&here);
    let before = key(&here);
    let moved = root.path().join("a deeper/place");
    fs::create_dir(root.path().join("a deeper")).unwrap();
    fs::rename(&here, &moved).unwrap();
    assert_eq!(before, key(&moved));
    fs::write(moved.join("lib/src/new.rs"), "").unwrap();
    assert_ne!(before, key(&moved));
}

#[test]
fn a_lock_that_does_not_fit_is_an_error() {
    let root = tempfile::tempdir().unwrap();
    workspace(root.path());
    edit(
        root.path(),
        "Cargo.lock",
        "name = \"zip\"",
        "name = \"zap\"",
    );
    let error = closure(&root.path().join("stage"), &Disk).unwrap_err();
    assert_eq!(error.to_string(), "Cargo.lock has no zip below stage");
}
