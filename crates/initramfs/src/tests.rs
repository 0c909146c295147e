use std::io::Read;
use std::path::PathBuf;

use kindling_base::{Command, hash};

use super::*;
use kindling_programs::sources;

const EPOCH: i64 = 1_793_491_200;

fn source() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../initramfs"))
}

/// What an archive holds: name, mode, inode, modification time, size.
fn list(archive: &[u8]) -> Vec<(String, u32, u32, u32, u32)> {
    let mut entries = Vec::new();
    let mut rest = archive;
    loop {
        let mut reader = cpio::newc::Reader::new(rest).unwrap();
        let entry = reader.entry().clone();
        if entry.is_trailer() {
            return entries;
        }
        assert_eq!((entry.uid(), entry.gid()), (0, 0));
        let mut content = Vec::new();
        reader.read_to_end(&mut content).unwrap();
        entries.push((
            entry.name().to_owned(),
            entry.mode(),
            entry.ino(),
            entry.mtime(),
            entry.file_size(),
        ));
        rest = reader.finish().unwrap();
    }
}

#[test]
fn an_archive_is_sorted_and_complete() {
    let mtime = u32::try_from(EPOCH).unwrap();
    let file = |path: &str, content: &[u8]| (path.to_owned(), content.to_owned());
    let files = [
        file("init", b"program"),
        file("modules/order", b"a\nb\n"),
        file("modules/a.ko", b"\x7fELF"),
    ];
    let archive = archive::pack(&files, EPOCH).unwrap();
    let expected = [
        ("dev", 0o040_755, 0),
        ("dev/console", 0o020_600, 0),
        ("init", 0o100_755, 7),
        ("modules", 0o040_755, 0),
        ("modules/a.ko", 0o100_644, 4),
        ("modules/order", 0o100_644, 4),
        ("proc", 0o040_755, 0),
        ("root", 0o040_755, 0),
        ("sys", 0o040_755, 0),
    ];
    let expected: Vec<_> = (1..)
        .zip(expected)
        .map(|(inode, (name, mode, size))| (name.to_owned(), mode, inode, mtime, size))
        .collect();
    assert_eq!(list(&archive), expected);
    assert!(archive::pack(&files, -1).is_err());
}

#[test]
fn a_distribution_s_archive_is_looked_into() {
    let file = |path: &str| (path.to_owned(), b"x".to_vec());
    let early = archive::pack(&[file("kernel/microcode")], EPOCH).unwrap();
    let main = archive::pack(&[file("lib/virtio-blk.ko.xz"), file("init")], EPOCH).unwrap();
    let expected = Unpacked {
        bytes: (early.len() + main.len()) as u64,
        modules: vec!["virtio_blk".to_owned()],
    };
    let plain = [&early[..], &[0; 512], &main].concat();
    assert_eq!(unpack(&plain).unwrap(), expected);
    for (format, compressed) in kindling_testkit::compressed(&main) {
        let whole = [&early[..], &[0; 512], &compressed].concat();
        assert_eq!(unpack(&whole).unwrap(), expected, "{format}");
        // Cut in the middle, it is told; a whole one that holds no archive as well.
        assert!(unpack(&whole[..whole.len() - compressed.len() / 2]).is_err());
    }
    let [(_, wrong), ..] = kindling_testkit::compressed(b"no archive");
    assert!(unpack(&wrong).is_err());
    assert!(unpack(b"lz4?").is_err());
}

#[test]
fn too_much_is_refused_with_both_numbers() {
    check_size(LIMIT_BYTES, LIMIT_BYTES).unwrap();
    let report = check_size(LIMIT_BYTES + 1, LIMIT_BYTES)
        .unwrap_err()
        .report();
    assert!(report.contains("524289 bytes, at most 524288"), "{report}");
}

#[test]
fn the_sources_are_what_the_compiler_reads() {
    let root = source();
    let found = sources(&root).unwrap();
    assert!(found.is_sorted());
    for name in ["Cargo.toml", "Cargo.lock", "build.rs", "src/main.rs"] {
        assert!(found.contains(&root.join(name)), "{name}");
    }
    assert!(
        !found
            .iter()
            .any(|path| path.starts_with(root.join("target")))
    );
}

/// Copies the sources, so that cargo sees them at another path.
fn copy_sources(to: &Path) {
    let root = source();
    for path in sources(&root).unwrap() {
        let target = to.join(path.strip_prefix(&root).unwrap());
        std::fs::create_dir_all(target.parent().unwrap()).unwrap();
        std::fs::copy(&path, &target).unwrap();
    }
}

#[test]
fn two_folders_give_the_same_bytes() {
    let folder = tempfile::tempdir().unwrap();
    let elsewhere = folder
        .path()
        .join("a much longer path with spaces/initramfs");
    copy_sources(&elsewhere);
    let mut hashes = Vec::new();
    for (index, source) in [source(), elsewhere].iter().enumerate() {
        let work = folder.path().join(format!("work-{index}"));
        let out = folder.path().join(format!("out-{index}"));
        build(source, &work, None, &out, EPOCH).unwrap();
        hashes.push(hash::file(&out.join(FILE)).unwrap());

        let program =
            files::read(&work.join("x86_64-unknown-linux-gnu/release/kindling-init")).unwrap();
        for private in [
            env!("CARGO_MANIFEST_DIR"),
            "/registry/src/",
            "a much longer path",
        ] {
            let found = program
                .windows(private.len())
                .any(|w| w == private.as_bytes());
            assert!(!found, "the program tells `{private}`");
        }
    }
    assert_eq!(hashes[0], hashes[1]);
}

#[test]
fn the_program_is_static_and_knows_that_it_is_not_pid_1() {
    let folder = tempfile::tempdir().unwrap();
    let bytes = compile(&target(&source()), folder.path()).unwrap().bytes;
    // ELF64: e_type at 16 (2 is ET_EXEC), e_phoff at 32, e_phnum at 56; p_type 3 is PT_INTERP, 2 PT_DYNAMIC.
    assert_eq!(bytes[16], 2);
    let count = usize::from(bytes[56]);
    let kinds: Vec<u8> = (0..count).map(|i| bytes[64 + 56 * i]).collect();
    assert!(!kinds.contains(&3) && !kinds.contains(&2), "{kinds:?}");

    let program = folder.path().join("init");
    files::write_atomic(&program, &bytes, 0o755).unwrap();
    let output = Command::new(&program).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let text = String::from_utf8(output.stderr).unwrap();
    assert!(
        text.starts_with("kindling-init: this program is PID 1"),
        "{text}"
    );
}

#[test]
fn a_compiler_error_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("source");
    copy_sources(&source);
    std::fs::write(source.join("src/main.rs"), "this is no Rust").unwrap();
    let work = folder.path().join("work");
    let error = build(&source, &work, None, folder.path(), EPOCH).unwrap_err();
    let report = error.report();
    assert!(report.contains("error: expected one of"), "{report}");
    assert!(report.contains("cargo.log"), "{report}");
    assert!(!folder.path().join(FILE).exists());
}
