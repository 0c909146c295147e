//! Reads an image with the reader of the crate `arcbox-ext4` (of the repository ext4-rs) and compares with the tree.
//!
//! Its reader knows neither holes nor trees of extents deeper than one level, and builds paths of UTF-8 only: the tree
//! here has neither. `ext4-view` reads everything else.

use std::collections::BTreeMap;

use arcbox_ext4::Reader;
use kindling_tree::{Content, Entry, Kind, Tree};

use crate::support::{TIME, add, add_directory, add_file, empty, with_journal, write};

/// `i_mode` has the type of a file in its upper four bits: the kernel's `include/uapi/linux/stat.h`.
const DIRECTORY: u16 = 0x4000;
const REGULAR: u16 = 0x8000;
const SYMLINK: u16 = 0xa000;

/// Bytes without a zero, of some blocks and a part of one.
fn bytes(length: usize) -> Vec<u8> {
    (0..length).map(|at| (at % 255) as u8 + 1).collect()
}

fn sample() -> Tree {
    let mut tree = empty();
    for folder in ["etc", "home", "home/user", "many"] {
        add_directory(&mut tree, folder);
    }
    add_file(&mut tree, "etc/hostname", "kindling\n");
    add_file(&mut tree, "etc/none", "");
    add_file(&mut tree, "home/user/large", bytes(5 * 4096 + 123));
    let mut owned = Entry::new(Kind::File(Content::Bytes(bytes(10).into())), 0o4750, TIME);
    (owned.uid, owned.gid) = (100_000, 65_534);
    tree.insert(b"home/user/owned", owned).unwrap();
    // More than a block of names: a directory with an index.
    for number in 0..200 {
        let name = format!("many/a-name-of-some-length-{number:03}");
        add_file(&mut tree, &name, format!("{number}"));
    }
    let link = |text: &str| Kind::Symlink(text.into());
    add(&mut tree, b"short", link("etc/hostname"), 0o777);
    let long = format!("{}etc/hostname", "./".repeat(40));
    add(&mut tree, b"long", link(&long), 0o777);
    let same = Kind::HardLink(b"etc/hostname".to_vec());
    add(&mut tree, b"same", same, 0o644);
    tree
}

/// The names in each directory, without the one that every ext4 has.
fn names(tree: &Tree) -> BTreeMap<String, Vec<String>> {
    let mut names: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (path, entry) in tree.iter() {
        let path = String::from_utf8(path.to_vec()).unwrap();
        if matches!(entry.kind, Kind::Directory) {
            names.entry(path.clone()).or_default();
        }
        if !path.is_empty() {
            let (folder, name) = path.rsplit_once('/').unwrap_or(("", &path));
            names
                .entry(folder.to_owned())
                .or_default()
                .push(name.to_owned());
        }
    }
    names
}

#[test]
fn the_reader_of_ext4_rs_sees_the_tree() {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    let tree = sample();
    write(&tree, &with_journal(), &image);
    let mut reader = Reader::new(&image).unwrap();
    for (path, entry) in tree.iter() {
        let path = format!("/{}", String::from_utf8(path.to_vec()).unwrap());
        let (number, inode) = reader.stat_no_follow(&path).unwrap();
        let (real, file_type) = match &entry.kind {
            Kind::HardLink(target) => (tree.get(target).unwrap(), REGULAR),
            Kind::Directory => (entry, DIRECTORY),
            Kind::Symlink(_) => (entry, SYMLINK),
            _ => (entry, REGULAR),
        };
        assert_eq!(inode.mode, file_type | real.mode, "mode of {path}");
        let owner = [(inode.uid_hi, inode.uid), (inode.gid_hi, inode.gid)];
        let owner = owner.map(|(high, low)| u32::from(high) << 16 | u32::from(low));
        assert_eq!(owner, [real.uid, real.gid], "owner of {path}");
        let seconds = i64::from(inode.mtime) | i64::from(inode.mtime_extra & 3) << 32;
        let time = (seconds, inode.mtime_extra >> 2);
        assert_eq!(
            time,
            (real.mtime.seconds, real.mtime.nanoseconds),
            "time of {path}"
        );
        if let Kind::HardLink(target) = &entry.kind {
            let target = format!("/{}", String::from_utf8(target.clone()).unwrap());
            assert_eq!(reader.stat(&target).unwrap().0, number, "inode of {path}");
            assert_eq!(inode.links_count, 2, "links of {path}");
        }
        match &real.kind {
            Kind::File(content) => {
                let read = reader.read_file(&path, 0, None).unwrap();
                assert!(read == content.read().unwrap(), "content of {path}");
            }
            Kind::Symlink(_) => {
                let target = reader.stat("/etc/hostname").unwrap().0;
                assert_eq!(reader.stat(&path).unwrap().0, target, "target of {path}");
            }
            _ => {}
        }
    }
    for (folder, mut expected) in names(&tree) {
        let mut read = reader.list_dir(&format!("/{folder}")).unwrap();
        if folder.is_empty() {
            expected.push("lost+found".to_owned());
        }
        read.sort();
        expected.sort();
        assert_eq!(read, expected, "names in /{folder}");
    }
}
