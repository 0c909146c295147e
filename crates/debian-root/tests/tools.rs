//! Tools: packages that are unpacked and not configured.

#![allow(clippy::unwrap_used, reason = "a test's helpers fail as the test does")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use kindling_base::Silent;
use kindling_debian_root::{TOOLS, Tools, tools};
use kindling_testkit::Deb;

/// The packages as files of `folder`.
fn write(folder: &Path, packages: &[Deb]) -> Vec<PathBuf> {
    let write = |package: &Deb| {
        let path = folder.join(format!("{}.deb", package.name));
        fs::write(&path, package.build()).unwrap();
        path
    };
    packages.iter().map(write).collect()
}

fn unpack(folder: &Path, packages: &[Deb]) -> kindling_base::Result<PathBuf> {
    let links = BTreeMap::from([("awk".to_owned(), "mawk".to_owned())]);
    tools(
        &Tools {
            stage: "tools",
            debs: &write(folder, packages),
            links: &links,
            out: &folder.join("out"),
            log: &folder.join("log"),
            helper: Path::new(env!("CARGO_BIN_EXE_kindling-assemble")),
        },
        &Silent,
    )?;
    Ok(folder.join("out").join(TOOLS))
}

/// A package for this architecture, as at least one of a set has to be.
fn compiler() -> Deb {
    let mut deb = Deb::new("gcc", "1").file("bin/gcc", 0o755, b"a compiler");
    deb.architecture = "amd64".to_owned();
    deb
}

#[test]
fn files_and_links_are_there_and_no_script_has_run() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let awk = Deb::new("mawk", "1")
        .file("usr/bin/mawk", 0o755, b"an interpreter")
        .file("usr/share/man/man1/mawk.1", 0o644, b"a page")
        .script("preinst", "#!/bin/sh\necho ran > /usr/ran\nexit 1\n")
        .script("postinst", "#!/bin/sh\necho ran > /usr/ran\nexit 1\n");
    let root = unpack(folder.path(), &[compiler(), awk]).unwrap();
    // Debian 12 still has files in /bin, which is a link.
    assert_eq!(fs::read(root.join("usr/bin/gcc")).unwrap(), b"a compiler");
    assert_eq!(
        fs::read(root.join("usr/bin/awk")).unwrap(),
        b"an interpreter"
    );
    for folder in ["build", "dev", "proc", "tmp"] {
        assert!(root.join(folder).is_dir(), "{folder}");
    }
    for absent in ["usr/ran", "usr/share/man", "usr/share/doc", "var"] {
        assert!(!root.join(absent).exists(), "{absent}");
    }
}

#[test]
fn two_packages_with_one_file_are_refused() {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let other = Deb::new("clang", "1").file("usr/bin/gcc", 0o755, b"another compiler");
    let report = unpack(folder.path(), &[compiler(), other])
        .unwrap_err()
        .report();
    assert!(report.contains("usr/bin/gcc"), "{report}");
}
