//! Random trees.

use std::collections::BTreeMap;

use kindling_tree::{Content, Entry, Kind, Timestamp, Tree};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::Index;

/// A tree of up to `most` entries of all kinds.
pub(crate) fn tree(most: usize) -> impl Strategy<Value = Tree> {
    vec((any::<Index>(), name(), entry(), any::<Index>()), 0..most).prop_map(build)
}

fn build(wanted: Vec<(Index, Vec<u8>, Entry, Index)>) -> Tree {
    let mut tree = crate::support::empty();
    let mut directories = vec![Vec::new()];
    let mut files: Vec<Vec<u8>> = Vec::new();
    for (parent, name, mut entry, target) in wanted {
        let parent = parent.get(&directories);
        let path = match parent.as_slice() {
            b"" => name,
            parent => [parent, b"/", &name].concat(),
        };
        if tree.get(&path).is_some() {
            continue;
        }
        if let Kind::HardLink(_) = entry.kind {
            let earlier: Vec<&Vec<u8>> = files.iter().filter(|file| **file < path).collect();
            if earlier.is_empty() {
                continue;
            }
            entry.kind = Kind::HardLink((*target.get(&earlier)).clone());
        }
        match entry.kind {
            Kind::Directory => directories.push(path.clone()),
            Kind::File(_) => files.push(path.clone()),
            _ => {}
        }
        tree.insert(&path, entry).unwrap();
    }
    tree
}

fn name() -> impl Strategy<Value = Vec<u8>> {
    let any_byte = prop_oneof![1_u8..b'/', b'0'..=255];
    prop_oneof![
        4 => "[a-z][a-z0-9._+-]{0,20}".prop_map(String::into_bytes),
        1 => vec(any_byte, 1..=255),
        1 => vec(b'n'..=b'o', 255..=255),
    ]
    .prop_filter("no plain name", |name| name != b"." && name != b"..")
}

fn entry() -> impl Strategy<Value = Entry> {
    // ext4-view refuses seconds whose bit 31 is set; `attributes.rs` looks at those with debugfs.
    let seconds = (0_i64..3, 0_i64..1 << 31).prop_map(|(epoch, low)| epoch << 32 | low);
    let time = (seconds, 0_u32..1_000_000_000);
    (
        0_u16..=0o7777,
        any::<u32>(),
        any::<u32>(),
        time,
        xattrs(),
        kind(),
    )
        .prop_map(
            |(mode, uid, gid, (seconds, nanoseconds), xattrs, kind)| Entry {
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

fn kind() -> impl Strategy<Value = Kind> {
    let device = (0_u32..4096, 0_u32..1 << 20);
    let old_device = (0_u32..256, 0_u32..256);
    prop_oneof![
        4 => Just(Kind::Directory),
        8 => content().prop_map(|bytes| Kind::File(Content::Bytes(bytes.into()))),
        2 => vec(1_u8..=255, 1..=80).prop_map(Kind::Symlink),
        1 => Just(Kind::Symlink(b"long/target/of/a/link".repeat(195))), // 4095 bytes, the most
        2 => Just(Kind::HardLink(Vec::new())),
        1 => device.prop_map(|(major, minor)| Kind::CharDevice { major, minor }),
        1 => old_device.prop_map(|(major, minor)| Kind::BlockDevice { major, minor }),
        1 => Just(Kind::Fifo),
        1 => Just(Kind::Socket),
    ]
}

/// Stretches of zeros and of data whose lengths are near multiples of a block.
fn content() -> impl Strategy<Value = Vec<u8>> {
    let length = (0_usize..20, 0_usize..4).prop_map(|(blocks, odd)| match odd {
        0 => blocks * 4096,
        1 => blocks * 4096 + 1,
        2 => (blocks * 4096).saturating_sub(1),
        _ => blocks * 4096 / 3,
    });
    vec((any::<u8>(), length), 0..6).prop_map(|stretches| {
        stretches
            .into_iter()
            .flat_map(|(byte, length)| {
                std::iter::repeat_n(if byte < 90 { 0 } else { byte }, length)
            })
            .collect()
    })
}

/// Few enough to fit into an inode and a block.
fn xattrs() -> impl Strategy<Value = BTreeMap<Vec<u8>, Vec<u8>>> {
    let name = "(user|trusted|security)\\.[a-z.]{1,30}".prop_map(String::into_bytes);
    prop_oneof![
        2 => Just(BTreeMap::new()),
        1 => btree_map(name, vec(any::<u8>(), 1..300), 1..6),
    ]
}
