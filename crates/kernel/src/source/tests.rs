use std::os::unix::fs::PermissionsExt;

use kindling_base::{Exit, Silent, hash};

use super::*;

fn tarball(folder: &Path, entries: &[(&str, EntryType, &str)]) -> (PathBuf, String) {
    let path = folder.join("linux-1.0.tar.xz");
    let encoder = liblzma::write::XzEncoder::new(File::create(&path).unwrap(), 1);
    let mut builder = tar::Builder::new(encoder);
    for (name, kind, content) in entries {
        let mut header = tar::Header::new_gnu();
        // Written by hand: the crate itself refuses `..`.
        header.as_gnu_mut().unwrap().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(*kind);
        header.set_mode(if name.ends_with(".sh") { 0o775 } else { 0o664 });
        let data = match kind {
            EntryType::Symlink => {
                header.set_link_name(content).unwrap();
                ""
            }
            _ => content,
        };
        header.set_size(data.len() as u64);
        header.set_cksum();
        builder.append(&header, data.as_bytes()).unwrap();
    }
    builder.into_inner().unwrap().finish().unwrap();
    let sha256 = hash::file(&path).unwrap();
    (path, sha256)
}

#[test]
fn the_bzip2_that_ubuntu_uses_is_unpacked_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let (xz, _) = tarball(
        folder.path(),
        &[("linux-1.0/Makefile", EntryType::Regular, "all:")],
    );
    let mut tar = Vec::new();
    XzDecoder::new(BufReader::new(File::open(xz).unwrap()))
        .read_to_end(&mut tar)
        .unwrap();
    let path = folder.path().join("linux-1.0.tar.bz2");
    let mut encoder =
        bzip2::write::BzEncoder::new(File::create(&path).unwrap(), bzip2::Compression::fast());
    encoder.write_all(&tar).unwrap();
    encoder.finish().unwrap();
    let sha256 = hash::file(&path).unwrap();
    let source = Source {
        tarball: &path,
        sha256: &sha256,
    };
    let tree = unpack(&source, &folder.path().join("work"), &Silent).unwrap();
    assert_eq!(
        std::fs::read_to_string(tree.join("Makefile")).unwrap(),
        "all:"
    );

    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let error = unpack(&source, &folder.path().join("cut"), &Silent).unwrap_err();
    assert!(error.to_string().starts_with("cannot unpack "), "{error}");
}

#[test]
fn a_source_is_unpacked_once_without_what_is_never_built() {
    let folder = tempfile::tempdir().unwrap();
    let file = EntryType::Regular;
    let (path, sha256) = tarball(
        folder.path(),
        &[
            ("linux-1.0/", EntryType::Directory, ""),
            ("linux-1.0/Makefile", file, "all:"),
            ("linux-1.0/scripts/x.sh", file, "#!/bin/sh"),
            ("linux-1.0/include/link", EntryType::Symlink, "../Makefile"),
            ("linux-1.0/arch/Kconfig", file, "k"),
            ("linux-1.0/arch/x86/Makefile", file, "x"),
            ("linux-1.0/arch/arm/Kconfig.debug", file, "k"),
            ("linux-1.0/arch/arm/Makefile", file, "x"),
            ("linux-1.0/arch/um/scripts/Makefile.rules", file, "x"),
            ("linux-1.0/arch/um/Makefile", file, "x"),
            ("linux-1.0/Documentation/Kconfig", file, "k"),
            ("linux-1.0/Documentation/index.rst", file, "x"),
            ("linux-1.0/tools/perf/perf.c", file, "x"),
        ],
    );
    let source = Source {
        tarball: &path,
        sha256: &sha256,
    };
    let work = folder.path().join("work");
    let tree = unpack(&source, &work, &Silent).unwrap();
    assert_eq!(
        std::fs::read_to_string(tree.join("include/link")).unwrap(),
        "all:"
    );
    let mode = |name: &str| tree.join(name).metadata().unwrap().permissions().mode() & 0o111;
    assert_ne!(mode("scripts/x.sh"), 0);
    assert_eq!(mode("Makefile"), 0);
    for there in [
        "arch/Kconfig",
        "arch/x86/Makefile",
        "arch/arm/Kconfig.debug",
        "Documentation/Kconfig",
        "arch/um/scripts/Makefile.rules",
    ] {
        assert!(tree.join(there).exists(), "{there}");
    }
    for left_out in [
        "arch/arm/Makefile",
        "arch/um/Makefile",
        "Documentation/index.rst",
        "tools/perf/perf.c",
    ] {
        assert!(!tree.join(left_out).exists(), "{left_out}");
    }
    // Object files survive the next build, but not another source.
    std::fs::write(tree.join("fork.o"), "elf").unwrap();
    unpack(&source, &work, &Silent).unwrap();
    assert!(tree.join("fork.o").exists());
    let (path, sha256) = tarball(folder.path(), &[("linux-2.0/Makefile", file, "other:")]);
    unpack(
        &Source {
            tarball: &path,
            sha256: &sha256,
        },
        &work,
        &Silent,
    )
    .unwrap();
    assert!(!tree.join("fork.o").exists());
}

#[test]
fn a_crash_while_unpacking_starts_again() {
    let folder = tempfile::tempdir().unwrap();
    let (path, sha256) = tarball(
        folder.path(),
        &[("linux/Makefile", EntryType::Regular, "all:")],
    );
    let left = folder.path().join("unpacking/old");
    std::fs::create_dir_all(&left).unwrap();
    // A tree without its marker was never renamed by us.
    std::fs::create_dir_all(folder.path().join("linux/half")).unwrap();
    let tree = unpack(
        &Source {
            tarball: &path,
            sha256: &sha256,
        },
        folder.path(),
        &Silent,
    )
    .unwrap();
    assert!(tree.join("Makefile").exists());
    assert!(!tree.join("old").exists() && !tree.join("half").exists());
}

#[test]
fn a_wrong_damaged_or_hostile_tarball_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let work = folder.path().join("work");
    let (path, sha256) = tarball(
        folder.path(),
        &[("linux/Makefile", EntryType::Regular, "all:")],
    );
    let wrong = unpack(
        &Source {
            tarball: &path,
            sha256: "00",
        },
        &work,
        &Silent,
    )
    .unwrap_err();
    assert!(
        wrong
            .report()
            .contains(&format!("computed sha256 {sha256}")),
        "{}",
        wrong.report()
    );
    let whole = std::fs::read(&path).unwrap();
    std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let cut = unpack(
        &Source {
            tarball: &path,
            sha256: &sha256,
        },
        &work,
        &Silent,
    )
    .unwrap_err();
    assert_eq!(cut.exit(), Exit::External);
    assert!(cut.report().contains("cannot unpack"), "{}", cut.report());
    for hostile in ["linux/../../evil", "/linux/evil", "../evil"] {
        let (path, sha256) = tarball(folder.path(), &[(hostile, EntryType::Regular, "x")]);
        let error = unpack(
            &Source {
                tarball: &path,
                sha256: &sha256,
            },
            &work,
            &Silent,
        )
        .unwrap_err();
        assert!(
            error.report().contains("leads out of it"),
            "{}",
            error.report()
        );
    }
    assert!(!work.join("linux").exists());
    assert!(!folder.path().join("evil").exists());
}
