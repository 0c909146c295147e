//! Refuses what ext4 cannot hold, with an error that names the path.

use std::path::Path;

use kindling_base::{Error, Exit};
use kindling_ext4::{JournalSize, Options};
use kindling_tree::{Content, Entry, Kind, Timestamp, Tree};

use crate::support::{TIME, add, add_file, empty, options};

fn refusal(tree: &Tree, options: &Options) -> Error {
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    let error = kindling_ext4::write(tree, options, &image, &mut |_, _| {}).unwrap_err();
    assert!(!image.exists(), "nothing is left of a refused image");
    error
}

fn refusal_of(path: &str, entry: Entry) -> String {
    let mut tree = empty();
    tree.insert(path.as_bytes(), entry).unwrap();
    let error = refusal(&tree, &options());
    assert_eq!(error.exit(), Exit::User);
    error.to_string()
}

fn file() -> Entry {
    Entry::new(Kind::File(Content::Bytes(b"x"[..].into())), 0o644, TIME)
}

#[test]
fn names_links_and_devices() {
    let name = "n".repeat(256);
    let expected = format!("`{name}` has a name of more than 255 bytes");
    assert_eq!(refusal_of(&name, file()), expected);
    for length in [0, 4096] {
        let link = Entry::new(Kind::Symlink(vec![b'x'; length]), 0o777, TIME);
        assert_eq!(
            refusal_of("link", link),
            "`link` is a symbolic link whose text has not 1 to 4095 bytes"
        );
    }
    let device = Kind::CharDevice {
        major: 4096,
        minor: 0,
    };
    assert_eq!(
        refusal_of("null", Entry::new(device, 0o666, TIME)),
        "`null` is a device with numbers that Linux does not have"
    );
    assert_eq!(
        refusal_of("lost+found", file()),
        "`lost+found` of the tree is no directory, as ext4 needs it to be"
    );
}

#[test]
fn times_and_modes() {
    let late = Timestamp {
        seconds: 1 << 34,
        nanoseconds: 0,
    };
    let entry = Entry::new(Kind::Fifo, 0o644, late);
    assert_eq!(
        refusal_of("late", entry),
        "`late` has a time that ext4 cannot hold (1901 to 2310)"
    );
    let entry = Entry::new(Kind::Fifo, 0o10_000, TIME);
    assert_eq!(
        refusal_of("odd", entry),
        "`odd` has a mode with more than the twelve permission bits"
    );
}

#[test]
fn xattrs() {
    let refused = |name: &str, value: &[u8]| {
        let mut entry = file();
        entry
            .xattrs
            .insert(name.as_bytes().to_vec(), value.to_vec());
        refusal_of("f", entry)
    };
    assert_eq!(
        refused("user.large", &[1; 4096]),
        "the extended attributes of `f` do not fit into an inode and one block"
    );
    assert_eq!(
        refused("com.example", b"x"),
        "the extended attribute `com.example` of `f` has a prefix that ext4 cannot store"
    );
    assert_eq!(
        refused("user.", b"x"),
        "the extended attribute `user.` of `f` has a name that ext4 cannot store"
    );
    assert_eq!(
        refused("system.posix_acl_access", b"x"),
        "the extended attribute `system.posix_acl_access` of `f` is no POSIX ACL"
    );
    assert_eq!(
        refused(&format!("user.{}", "n".repeat(256)), b"x"),
        format!(
            "the extended attribute `user.{}` of `f` has a name of more than 255 bytes",
            "n".repeat(256)
        )
    );
}

#[test]
fn links_beyond_65000() {
    let mut tree = empty();
    add_file(&mut tree, "a", "x");
    for at in 0..65_000 {
        add(
            &mut tree,
            format!("b{at}").as_bytes(),
            Kind::HardLink(b"a".to_vec()),
            0,
        );
    }
    let error = refusal(&tree, &options());
    assert_eq!(error.to_string(), "`a` has more than 65000 hard links");
    tree.remove(b"b0");
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("image");
    crate::support::write(&tree, &options(), &image);
    crate::support::assert_clean(&image);
}

#[test]
fn labels_epochs_and_sizes() {
    let label = Options {
        label: "seventeen letters".to_owned(),
        ..options()
    };
    let text = refusal(&empty(), &label).to_string();
    assert_eq!(text, "the label `seventeen letters` has more than 16 bytes");
    let epoch = Options {
        epoch: -1,
        ..options()
    };
    assert!(
        refusal(&empty(), &epoch)
            .to_string()
            .starts_with("the epoch -1")
    );
    let journal = Options {
        journal: Some(JournalSize::Mib(257)),
        ..options()
    };
    let text = refusal(&empty(), &journal).to_string();
    assert!(text.starts_with("a journal of 257 MiB"), "{text}");
    let huge = Options {
        free_bytes: 17 << 40,
        ..options()
    };
    let text = refusal(&empty(), &huge).to_string();
    assert!(text.contains("16 TiB"), "{text}");
}

#[test]
fn a_full_disk_and_a_missing_folder() {
    let full = kindling_ext4::write(&empty(), &options(), Path::new("/dev/full"), &mut |_, _| {});
    let report = full.unwrap_err().report();
    assert!(report.contains("/dev/full"), "{report}");
    let folder = tempfile::tempdir().unwrap();
    let image = folder.path().join("missing/image");
    let error = kindling_ext4::write(&empty(), &options(), &image, &mut |_, _| {}).unwrap_err();
    assert!(error.to_string().contains("missing/image"), "{error}");
}

#[test]
fn content_that_is_shorter_than_it_should_be() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("short.tar");
    std::fs::write(&path, b"four").unwrap();
    let mut tree = empty();
    let content = Content::Range {
        file: std::sync::Arc::new(std::fs::File::open(&path).unwrap()),
        path: path.as_path().into(),
        offset: 0,
        length: 5,
    };
    add(&mut tree, b"f", Kind::File(content), 0o644);
    let image = folder.path().join("image");
    let error = kindling_ext4::write(&tree, &options(), &image, &mut |_, _| {}).unwrap_err();
    assert!(error.to_string().contains("short.tar"), "{error}");
}
