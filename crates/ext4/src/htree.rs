//! The index of a large directory: `dx_root`, `dx_node` and leaves sorted by the hash of the name.

use std::ops::Range;

use crate::BLOCK;
use crate::bytes::Put;
use crate::checksum::crc32c;
use crate::directory::{Identity, ROOM, Records, record_length};
use crate::hash::{NameHash, half_md4};
use crate::node::Child;

/// Offset of the entries in `dx_root`, behind the records of `.` and `..` and `dx_root_info`.
const ROOT_ENTRIES: usize = 32;
/// Offset of the entries in `dx_node`, behind an empty record.
const NODE_ENTRIES: usize = 8;
/// Bytes of `dx_entry` and of `dx_tail`.
const ENTRY: usize = 8;
/// Entries of a root and of a node; the last place holds the checksum.
const ROOT_LIMIT: usize = (BLOCK - ROOT_ENTRIES) / ENTRY - 1;
const NODE_LIMIT: usize = (BLOCK - NODE_ENTRIES) / ENTRY - 1;
/// Leaves of a tree of two levels of index, the most without the feature `large_dir`.
pub(crate) const MAX_LEAVES: usize = ROOT_LIMIT * NODE_LIMIT;
/// `DX_HASH_HALF_MD4`; that bytes are signed is a flag of the superblock.
const HASH_VERSION: u8 = 1;

/// The first hash of a leaf; a set low bit says that the hash began in the leaf before.
struct Entry {
    hash: u32,
    block: u32,
}

/// Numbers of leaves and of blocks in all.
pub(crate) struct Size {
    pub(crate) leaves: usize,
    pub(crate) blocks: usize,
}

/// The size of the tree for these names.
pub(crate) fn size(children: &[Child<'_>], hash_seed: &[u8; 16]) -> Size {
    let leaves = pack(children, &order(children, hash_seed)).len();
    Size {
        leaves,
        blocks: 1 + index_nodes(leaves) + leaves,
    }
}

/// Blocks of a directory in logical order: the root, index nodes if there are any, the leaves.
pub(crate) fn blocks(
    identity: &Identity,
    children: &[Child<'_>],
    inode_of: impl Fn(u32) -> u32,
    hash_seed: &[u8; 16],
) -> Vec<u8> {
    let order = order(children, hash_seed);
    let leaves = pack(children, &order);
    let nodes = index_nodes(leaves.len());
    let entries: Vec<Entry> = leaves
        .iter()
        .enumerate()
        .map(|(at, leaf)| Entry {
            hash: first_hash(&order, leaf.start),
            block: (1 + nodes + at) as u32,
        })
        .collect();
    let mut bytes = Vec::with_capacity(BLOCK * (1 + nodes + leaves.len()));
    if nodes == 0 {
        bytes.extend_from_slice(&root(identity, &entries, 0));
    } else {
        let groups = entries.chunks(NODE_LIMIT);
        let top: Vec<Entry> = groups
            .clone()
            .enumerate()
            .map(|(at, group)| Entry {
                hash: group[0].hash,
                block: 1 + at as u32,
            })
            .collect();
        bytes.extend_from_slice(&root(identity, &top, 1));
        for group in groups {
            bytes.extend_from_slice(&node(identity, group));
        }
    }
    for leaf in leaves {
        let mut records = Records::new();
        for (_, child) in &order[leaf] {
            let child = &children[*child];
            records.add(inode_of(child.node), child.file_type, child.name);
        }
        bytes.extend_from_slice(&records.finish(identity.seed));
    }
    bytes
}

/// Children by index, in hash order.
fn order(children: &[Child<'_>], hash_seed: &[u8; 16]) -> Vec<(NameHash, usize)> {
    let hashes = children.iter().map(|c| half_md4(c.name, hash_seed));
    let mut order: Vec<(NameHash, usize)> = hashes.zip(0..).collect();
    order.sort_unstable();
    order
}

/// Cuts the ordered names into leaves.
fn pack(children: &[Child<'_>], order: &[(NameHash, usize)]) -> Vec<Range<usize>> {
    let (mut leaves, mut start, mut used) = (Vec::new(), 0, 0);
    for (at, (_, child)) in order.iter().enumerate() {
        let length = record_length(children[*child].name.len());
        if used + length > ROOM {
            leaves.push(start..at);
            (start, used) = (at, 0);
        }
        used += length;
    }
    leaves.push(start..order.len());
    leaves
}

fn index_nodes(leaves: usize) -> usize {
    if leaves <= ROOT_LIMIT {
        0
    } else {
        leaves.div_ceil(NODE_LIMIT)
    }
}

fn first_hash(order: &[(NameHash, usize)], start: usize) -> u32 {
    let hash = order[start].0.hash;
    let continued = start > 0 && order[start - 1].0.hash == hash;
    hash | u32::from(continued)
}

fn root(identity: &Identity, entries: &[Entry], levels: u8) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    block.put32(0, identity.inode);
    block.put16(4, 12);
    block.put(6, &[1, 2, b'.']);
    block.put32(12, identity.parent);
    block.put16(16, (BLOCK - 12) as u16);
    block.put(18, &[2, 2, b'.', b'.']);
    block.put(28, &[HASH_VERSION, 8, levels, 0]); // dx_root_info, behind its reserved_zero
    index(block, identity.seed, ROOT_ENTRIES, ROOT_LIMIT, entries)
}

fn node(identity: &Identity, entries: &[Entry]) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    block.put16(4, BLOCK as u16); // one empty record hides the index from those that do not know it
    index(block, identity.seed, NODE_ENTRIES, NODE_LIMIT, entries)
}

/// Writes `dx_countlimit`, the entries and `dx_tail`. The first entry's hash is that of the level above.
fn index(
    mut block: [u8; BLOCK],
    seed: u32,
    at: usize,
    limit: usize,
    entries: &[Entry],
) -> [u8; BLOCK] {
    for (place, entry) in entries.iter().enumerate() {
        block.put32(at + place * ENTRY, entry.hash);
        block.put32(at + place * ENTRY + 4, entry.block);
    }
    block.put16(at, limit as u16);
    block.put16(at + 2, entries.len() as u16);
    let sum = crc32c(seed, &block[..at + entries.len() * ENTRY]);
    // The tail's own eight bytes count as zeros: dt_reserved and the checksum itself.
    block.put32(at + limit * ENTRY + 4, crc32c(sum, &[0; ENTRY]));
    block
}
