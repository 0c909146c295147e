//! The resize inode: it owns the blocks that the group descriptors can grow into.
//!
//! Its double-indirect block points to the reserved blocks of the first group. Each of those points to the
//! blocks of the same place in the groups that have a copy of the superblock.

use crate::BLOCK;
use crate::bytes::Put;
use crate::geometry::Geometry;

/// `EXT4_RESIZE_INO`.
pub(crate) const INODE: u32 = 7;
/// Block numbers of an indirect block.
const POINTERS: u64 = (BLOCK / 4) as u64;
/// All that direct, indirect and double-indirect blocks can map: `ext2fs_create_resize_inode` says so.
pub(crate) const SIZE: u64 = (12 + POINTERS + POINTERS * POINTERS) * BLOCK as u64;
/// Byte of `i_block` that holds the double-indirect block, `EXT4_DIND_BLOCK`.
const DOUBLE_INDIRECT: usize = 13 * 4;

/// `i_block` with the double-indirect block at `place`.
pub(crate) fn root(place: u64) -> [u8; 60] {
    let mut root = [0; 60];
    root.put_lo32(DOUBLE_INDIRECT, place);
    root
}

/// Blocks that belong to the inode.
pub(crate) fn blocks(geometry: &Geometry) -> u64 {
    1 + geometry.reserved_blocks * geometry.superblock_groups().count() as u64
}

/// The double-indirect block.
pub(crate) fn double_indirect(geometry: &Geometry) -> [u8; BLOCK] {
    let mut block = [0; BLOCK];
    for at in geometry.descriptor_blocks..geometry.descriptor_blocks + geometry.reserved_blocks {
        block.put_lo32((at % POINTERS) as usize * 4, 1 + at);
    }
    block
}

/// The reserved blocks of the first group, which begin behind the descriptors.
pub(crate) fn indirect(geometry: &Geometry) -> impl Iterator<Item = [u8; BLOCK]> {
    let first = 1 + geometry.descriptor_blocks;
    (first..first + geometry.reserved_blocks).map(|place| {
        let mut block = [0; BLOCK];
        let copies = geometry.superblock_groups().skip(1);
        for (at, group) in copies.enumerate() {
            block.put_lo32(at * 4, geometry.first_block(group) + place);
        }
        block
    })
}
