//! Block groups: `ext4_group_desc` and the two bitmaps of each.

use crate::bytes::Put;
use crate::checksum::crc32c;
use crate::geometry::{BlockRun, DESCRIPTOR, GROUP_BLOCKS, Geometry};
use crate::usage::Bitmap;

/// `EXT4_BG_INODE_UNINIT`, `EXT4_BG_BLOCK_UNINIT`: the bitmap was never written and need not be read.
const INODE_UNINIT: u16 = 1;
const BLOCK_UNINIT: u16 = 2;
/// `EXT4_BG_INODE_ZEROED`: the unused rest of the table is known to be zero.
const INODE_ZEROED: u16 = 4;

/// One group, ready to be written.
pub(crate) struct Group {
    pub(crate) descriptor: [u8; DESCRIPTOR],
    /// `None` where the descriptor says that it is not initialised.
    pub(crate) block_bitmap: Option<Bitmap>,
    pub(crate) inode_bitmap: Option<Bitmap>,
    pub(crate) free_blocks: u64,
    pub(crate) free_inodes: u32,
}

/// Inodes of a group.
#[derive(Debug, Default)]
pub(crate) struct Inodes {
    /// Places of used ones within the group, in order.
    pub(crate) used: Vec<u32>,
    pub(crate) directories: u32,
}

/// Describes a group; `runs` are the taken payload blocks that touch it.
pub(crate) fn describe(
    geometry: &Geometry,
    group: u32,
    runs: &[BlockRun],
    inodes: &Inodes,
    checksum_seed: u32,
) -> Group {
    let blocks = block_bitmap(geometry, group, runs);
    // An uninitialised group has nothing but its own copy of the superblock, and is not the last, whose
    // bitmap marks the end of the image.
    let has_tables = geometry.metadata(group) > geometry.base_blocks(group);
    let is_last = group + 1 == geometry.groups;
    let blocks_uninit = runs.is_empty() && !has_tables && !is_last;
    let inodes_uninit = inodes.used.is_empty();
    let free_blocks = GROUP_BLOCKS - blocks.count();
    let free_inodes = geometry.inodes_per_group - inodes.used.len() as u32;
    let first_unused = inodes.used.last().map_or(0, |last| last + 1);

    let mut flags = INODE_ZEROED;
    flags |= if blocks_uninit { BLOCK_UNINIT } else { 0 };
    flags |= if inodes_uninit { INODE_UNINIT } else { 0 };
    let mut descriptor = [0; DESCRIPTOR];
    let places = [
        geometry.block_bitmap(group),
        geometry.inode_bitmap(group),
        geometry.inode_table(group),
    ];
    for (at, place) in places.into_iter().enumerate() {
        descriptor.put_lo32(4 * at, place);
        descriptor.put_hi32(0x20 + 4 * at, place);
    }
    let counts = [
        (0x0c, 0x2c, free_blocks as u32),
        (0x0e, 0x2e, free_inodes),
        (0x10, 0x30, inodes.directories),
        (0x1c, 0x32, geometry.inodes_per_group - first_unused), // bg_itable_unused
    ];
    for (low, high, count) in counts {
        descriptor.put_lo16(low, count);
        descriptor.put_hi16(high, count);
    }
    descriptor.put16(0x12, flags);
    if !blocks_uninit {
        let sum = crc32c(checksum_seed, blocks.bytes());
        descriptor.put_lo16(0x18, sum);
        descriptor.put_hi16(0x38, sum);
    }
    let inode_bitmap = (!inodes_uninit).then(|| inode_bitmap(geometry, inodes));
    if let Some(bitmap) = &inode_bitmap {
        let covered = geometry.inodes_per_group as usize / 8;
        let sum = crc32c(checksum_seed, &bitmap.bytes()[..covered]);
        descriptor.put_lo16(0x1a, sum);
        descriptor.put_hi16(0x3a, sum);
    }
    let sum = crc32c(crc32c(checksum_seed, &group.to_le_bytes()), &descriptor);
    descriptor.put_lo16(0x1e, sum);
    Group {
        descriptor,
        block_bitmap: (!blocks_uninit).then_some(blocks),
        inode_bitmap,
        free_blocks,
        free_inodes,
    }
}

fn block_bitmap(geometry: &Geometry, group: u32, runs: &[BlockRun]) -> Bitmap {
    let mut bitmap = Bitmap::new();
    let first = geometry.first_block(group);
    bitmap.set(0, geometry.metadata(group));
    for run in runs {
        let from = run.start.saturating_sub(first);
        bitmap.set(from, run.start + run.length - first);
    }
    bitmap.set(geometry.group_blocks(group), GROUP_BLOCKS); // behind the end of the image
    bitmap
}

fn inode_bitmap(geometry: &Geometry, inodes: &Inodes) -> Bitmap {
    let mut bitmap = Bitmap::new();
    for &place in &inodes.used {
        bitmap.set(u64::from(place), u64::from(place) + 1);
    }
    bitmap.set(u64::from(geometry.inodes_per_group), GROUP_BLOCKS); // no such inodes
    bitmap
}
