use kindling_tree::{Content, Entry, Kind, Timestamp, Tree};

use super::*;

const NOW: Timestamp = Timestamp {
    seconds: 1_700_000_000,
    nanoseconds: 0,
};

fn write_image(path: &Path, change: impl FnOnce(&mut Tree)) {
    let mut tree = Tree::new(NOW);
    let mut add = |path: &str, kind| {
        tree.insert(path.as_bytes(), Entry::new(kind, 0o755, NOW))
            .unwrap()
    };
    add("etc", Kind::Directory);
    add(
        "etc/motd",
        Kind::File(Content::Bytes(b"built at 10:00".as_slice().into())),
    );
    add("etc/link", Kind::Symlink(b"motd".to_vec()));
    change(&mut tree);
    let options = kindling_ext4::Options {
        uuid: [1; 16],
        hash_seed: [2; 16],
        label: String::new(),
        epoch: NOW.seconds,
        free_bytes: 1 << 20,
        journal: None,
    };
    kindling_ext4::write(&tree, &options, path, &mut |_, _| {}).unwrap();
}

fn archive(content: &[u8], mtime: u32) -> Vec<u8> {
    let builder = cpio::newc::Builder::new("init")
        .mode(0o100_755)
        .mtime(mtime);
    let mut writer = builder.write(Vec::new(), content.len() as u32);
    std::io::Write::write_all(&mut writer, content).unwrap();
    cpio::newc::trailer(writer.finish().unwrap()).unwrap()
}

/// Two folders with the same files, and what `compare` says after `change` was let loose on the second.
fn differences(change: impl FnOnce(&Path)) -> String {
    let folder = tempfile::tempdir().unwrap();
    let sides = ["a", "b"].map(|side| folder.path().join(side));
    for side in &sides {
        std::fs::create_dir(side).unwrap();
        write_image(&side.join("rootfs.ext4"), |_| {});
        std::fs::write(side.join("initramfs.cpio"), archive(b"program", 7)).unwrap();
        std::fs::write(side.join("vmlinux"), [0; 100]).unwrap();
    }
    change(&sides[1]);
    let differences = compare(&sides[0], &sides[1]).unwrap();
    if differences.is_empty() {
        return String::new();
    }
    report("r", &differences).report()
}

#[test]
fn the_same_is_the_same() {
    assert_eq!(differences(|_| {}), "");
}

#[test]
fn a_difference_is_named_by_file_and_offset_with_both_sides() {
    let report = differences(|side| {
        let mut bytes = [0; 100];
        bytes[90] = b'K';
        std::fs::write(side.join("vmlinux"), bytes).unwrap();
        std::fs::write(side.join("extra"), "").unwrap();
    });
    let expected = [
        "two builds of r differ in 2 files",
        "extra: only the second build has it",
        "vmlinux: first difference at byte 90",
        "first   00 00 00 00 00 00 00 00 00 00  ..........",
        "second  4b 00 00 00 00 00 00 00 00 00  K.........",
        "hint: find what writes it",
    ];
    for text in expected {
        assert!(report.contains(text), "no `{text}` in:\n{report}");
    }
}

#[test]
fn inside_an_image_a_difference_is_named_by_path() {
    let report = differences(|side| {
        write_image(&side.join("rootfs.ext4"), |tree| {
            let content = Content::Bytes(b"built at 10:01".as_slice().into());
            tree.insert(b"etc/motd", Entry::new(Kind::File(content), 0o700, NOW))
                .unwrap();
            let mut entry = Entry::new(Kind::Symlink(b"other".to_vec()), 0o755, NOW);
            entry.mtime.seconds += 1;
            entry.uid = 7;
            tree.insert(b"etc/link", entry).unwrap();
            tree.insert(b"new", Entry::new(Kind::Directory, 0o755, NOW))
                .unwrap();
        });
    });
    let expected = [
        "differ in one file",
        "/etc/link: type link to motd in the first, link to other in the second",
        "/etc/link: owner 0:0 in the first, 7:0 in the second",
        "/etc/link: time 1700000000 in the first, 1700000001 in the second",
        "/etc/motd: mode 755 in the first, 700 in the second",
        "/etc/motd: content differs at byte 13",
        "first   30  0",
        "second  31  1",
        "/new: only in the second",
    ];
    for text in expected {
        assert!(report.contains(text), "no `{text}` in:\n{report}");
    }
}

#[test]
fn inside_an_archive_a_difference_is_named_by_member() {
    let report = differences(|side| {
        std::fs::write(side.join("initramfs.cpio"), archive(b"prograM", 8)).unwrap();
    });
    assert!(
        report.contains(
            "init: mode 100755, owner 0:0, time 7 in the first, mode 100755, owner 0:0, time 8"
        ),
        "{report}"
    );
    assert!(
        report.contains("init: content differs at byte 6"),
        "{report}"
    );
}
