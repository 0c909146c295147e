//! Trees that are written as tar archives and read again.

use super::*;
use crate::Entry;
use proptest::prelude::*;
use std::collections::BTreeMap;

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![
        Just(Kind::Directory),
        prop::collection::vec(any::<u8>(), 0..1500)
            .prop_map(|bytes| Kind::File(Content::Bytes(bytes.into()))),
        prop::collection::vec((1u8..).prop_filter("no newline", |b| *b != b'\n'), 1..150)
            .prop_map(Kind::Symlink),
        (0u32..2_000_000, 0u32..2_000_000)
            .prop_map(|(major, minor)| Kind::CharDevice { major, minor }),
        (0u32..4096, 0u32..4096).prop_map(|(major, minor)| Kind::BlockDevice { major, minor }),
        Just(Kind::Fifo),
    ]
}

fn entry() -> impl Strategy<Value = Entry> {
    let xattrs = prop::collection::btree_map(
        "(user|security)\\.[a-z]{1,8}".prop_map(String::into_bytes),
        prop::collection::vec(prop_oneof![any::<u8>(), Just(b'\n')], 0..20),
        0..3,
    );
    let seconds = prop_oneof![-10i64..10, 1_600_000_000i64..1_800_000_000, Just(1 << 40)];
    let time = (seconds, prop_oneof![Just(0), 0u32..1_000_000_000]);
    (
        kind(),
        0u16..0o10000,
        any::<u32>(),
        0u32..3_000_000,
        time,
        xattrs,
    )
        .prop_map(
            |(kind, mode, uid, gid, (seconds, nanoseconds), xattrs)| Entry {
                mode,
                uid,
                gid,
                mtime: Timestamp {
                    seconds,
                    nanoseconds,
                },
                xattrs,
                kind,
            },
        )
}

/// Any tree: entries at depth one and two, and hard links to the files among them.
fn tree() -> impl Strategy<Value = Tree> {
    let name = prop::collection::vec(
        (1u8..).prop_filter("no slash", |b| !b"/\n".contains(b)),
        1..140,
    )
    .prop_filter("plain", |name| name != b"." && name != b"..");
    let names = prop::collection::vec((name.clone(), entry(), prop::option::of(name)), 0..6);
    (entry(), names).prop_map(|(root, names)| {
        let mut tree = Tree::new(Timestamp::default());
        *tree.get_mut(b"").unwrap() = Entry {
            kind: Kind::Directory,
            ..root
        };
        for (name, entry, second) in names {
            if tree.insert(&name, entry.clone()).is_err() {
                continue;
            }
            let Some(second) = second else { continue };
            let _ = match entry.kind {
                Kind::Directory => tree.insert(
                    &[name, second].join(&b'/'),
                    Entry::new(Kind::Fifo, 0, Timestamp::default()),
                ),
                Kind::File(_) => tree.insert(
                    &second,
                    Entry {
                        kind: Kind::HardLink(name),
                        ..entry
                    },
                ),
                _ => Ok(()),
            };
        }
        tree
    })
}

/// Everything that a tar keeps of an entry.
fn facts(tree: &Tree) -> BTreeMap<Vec<u8>, String> {
    let describe = |entry: &Entry| {
        let kind = match &entry.kind {
            Kind::File(content) => format!("file {:?}", content.read().unwrap()),
            other => format!("{other:?}"),
        };
        format!(
            "{kind} {:o} {}:{} {:?} {:?}",
            entry.mode, entry.uid, entry.gid, entry.mtime, entry.xattrs
        )
    };
    tree.iter()
        .map(|(path, entry)| (path.to_vec(), describe(entry)))
        .collect()
}

fn read(bytes: &[u8]) -> Result<Tree> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tree.tar");
    std::fs::write(&path, bytes).unwrap();
    Tree::from_tar(&path)
}

fn sample() -> Vec<u8> {
    let mut tree = Tree::new(Timestamp::default());
    let file = |bytes: &[u8]| Kind::File(Content::Bytes(bytes.into()));
    let mut capable = Entry::new(file(b"elf"), 0o755, Timestamp::default());
    capable.xattrs.insert(
        b"security.capability".to_vec(),
        b"\x01\0\0\x02\n\0".to_vec(),
    );
    tree.insert(b"a", capable).unwrap();
    tree.insert(
        &[b'l'; 200],
        Entry::new(file(&[7; 1000]), 0o600, Timestamp::default()),
    )
    .unwrap();
    tree.write_tar(Vec::new()).unwrap()
}

#[test]
fn gnu_tar_agrees() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("tree.tar");
    std::fs::write(&path, sample()).unwrap();
    let listing = kindling_base::Command::new("tar")
        .arg("-tvf")
        .arg(&path)
        .run()
        .unwrap()
        .text();
    let lines: Vec<&str> = listing.lines().collect();
    assert_eq!(lines.len(), 3, "{listing}");
    assert!(
        lines[0].starts_with("drwxr-xr-x 0/0") && lines[0].ends_with(" ./"),
        "{listing}"
    );
    assert!(
        lines[1].starts_with("-rwxr-xr-x 0/0") && lines[1].ends_with(" ./a"),
        "{listing}"
    );
    assert!(lines[2].ends_with(&"l".repeat(200)), "{listing}");
}

#[test]
fn paths_that_lead_out_are_refused() {
    for (path, link) in [
        ("/etc/passwd", None),
        ("a/../../b", None),
        ("a", Some("../b")),
        ("a", Some("/b")),
    ] {
        let mut header = ::tar::Header::new_gnu();
        header.set_size(0);
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.as_old_mut().name[..path.len()].copy_from_slice(path.as_bytes());
        if let Some(link) = link {
            header.set_entry_type(::tar::EntryType::Link);
            header.as_old_mut().linkname[..link.len()].copy_from_slice(link.as_bytes());
        }
        header.set_cksum();
        let error = read(&[header.as_bytes().as_slice(), &[0; 1024]].concat()).unwrap_err();
        let report = error.report();
        assert!(
            report.contains("absolute path") || report.contains("which goes up"),
            "{report}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_written_is_read(tree in tree()) {
        let bytes = tree.write_tar(Vec::new()).unwrap();
        prop_assert_eq!(facts(&read(&bytes).unwrap()), facts(&tree));
    }

    #[test]
    fn damaged_bytes_are_read_without_a_panic(at in 0usize..4096, byte: u8, cut in 0usize..4096) {
        let mut bytes = sample();
        let at = at % bytes.len();
        bytes[at] = byte;
        bytes.truncate(bytes.len() - cut.min(bytes.len()));
        if let Ok(tree) = read(&bytes) {
            facts(&tree);
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..2048)) {
        let _ = read(&bytes);
    }
}
