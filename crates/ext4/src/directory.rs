//! Directory blocks: `ext4_dir_entry_2` records and the checksum at the end of each block.

use crate::BLOCK;
use crate::bytes::Put;
use crate::checksum::crc32c;
use crate::htree;
use crate::node::Child;

/// Bytes of `ext4_dir_entry_tail`.
const TAIL: usize = 12;
/// Bytes of a block that records may use.
pub(crate) const ROOM: usize = BLOCK - TAIL;
/// Blocks of `lost+found`: `e2fsck` must not need to allocate one when it puts orphans there (as `mke2fs`).
pub(crate) const LOST_AND_FOUND_BLOCKS: u32 = 4;
/// `EXT4_FT_DIR`.
const TYPE_DIRECTORY: u8 = 2;

/// The identity of a directory, which its blocks carry.
pub(crate) struct Identity {
    pub(crate) inode: u32,
    pub(crate) parent: u32,
    /// `i_csum_seed`.
    pub(crate) seed: u32,
}

/// Bytes of a record with a name of this length.
pub(crate) fn record_length(name: usize) -> usize {
    (8 + name).next_multiple_of(4)
}

/// Whether the names need more than one block and so an index.
pub(crate) fn is_large(children: &[Child<'_>]) -> bool {
    let dots = record_length(1) + record_length(2);
    let names: usize = children.iter().map(|c| record_length(c.name.len())).sum();
    dots + names > ROOM
}

/// The blocks of a directory; `inode_of` gives the inode number of a child's node.
///
/// A large one is a hash tree, a small one a list in byte order. `padding` more blocks without names follow
/// a list.
pub(crate) fn blocks(
    identity: &Identity,
    children: &[Child<'_>],
    inode_of: impl Fn(u32) -> u32,
    hash_seed: &[u8; 16],
    padding: u32,
) -> Vec<u8> {
    if is_large(children) {
        return htree::blocks(identity, children, inode_of, hash_seed);
    }
    let mut bytes = Vec::with_capacity(BLOCK * (1 + padding as usize));
    let mut block = Records::new();
    block.add(identity.inode, TYPE_DIRECTORY, b".");
    block.add(identity.parent, TYPE_DIRECTORY, b"..");
    for child in children {
        block.add(inode_of(child.node), child.file_type, child.name);
    }
    bytes.extend_from_slice(&block.finish(identity.seed));
    for _ in 0..padding {
        bytes.extend_from_slice(&Records::new().finish(identity.seed));
    }
    bytes
}

/// A block that is being filled with records.
pub(crate) struct Records {
    block: [u8; BLOCK],
    last: usize,
    end: usize,
}

impl Records {
    pub(crate) fn new() -> Self {
        Self {
            block: [0; BLOCK],
            last: 0,
            end: 0,
        }
    }

    /// Adds a record; the caller has checked that it fits.
    pub(crate) fn add(&mut self, inode: u32, file_type: u8, name: &[u8]) {
        let at = self.end;
        self.last = at;
        self.end = at + record_length(name.len());
        self.block.put32(at, inode);
        self.block.put16(at + 4, (self.end - at) as u16);
        self.block.put(at + 6, &[name.len() as u8, file_type]);
        self.block.put(at + 8, name);
    }

    /// The block: its last record reaches to the tail, which holds the checksum.
    pub(crate) fn finish(mut self, seed: u32) -> [u8; BLOCK] {
        let length = ROOM - self.last;
        self.block.put16(self.last + 4, length as u16);
        let sum = crc32c(seed, &self.block[..ROOM]);
        self.block.put16(ROOM + 4, TAIL as u16);
        self.block.put(ROOM + 7, &[0xde]); // EXT4_FT_DIR_CSUM
        self.block.put32(ROOM + 8, sum);
        self.block
    }
}
