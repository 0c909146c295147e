use std::io::Read;
use std::path::PathBuf;

use kindling_base::Command;

use super::*;
use kindling_programs::sources;

const EPOCH: i64 = 1_793_491_200;

fn source() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../initramfs"))
}

/// The entries of an archive: name, mode, inode, modification time, size.
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

/// The program in an archive of ours.
fn program(archive: &[u8]) -> Vec<u8> {
    let mut rest = archive;
    loop {
        let mut reader = cpio::newc::Reader::new(rest).unwrap();
        let is_program = reader.entry().name() == "init";
        assert!(!reader.entry().is_trailer(), "no program in the archive");
        let mut content = Vec::new();
        reader.read_to_end(&mut content).unwrap();
        if is_program {
            return content;
        }
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

#[test]
fn the_program_is_static_and_knows_that_it_is_not_pid_1() {
    let Some(archive) = std::env::var_os("KINDLING_TEST_INITRAMFS") else {
        return println!("skipped: KINDLING_TEST_INITRAMFS names no archive of a build");
    };
    let folder = tempfile::tempdir().unwrap();
    let bytes = program(&std::fs::read(archive).unwrap());
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
