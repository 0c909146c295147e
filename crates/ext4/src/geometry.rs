//! The division of an image into block groups, and the place of each group's metadata.
//!
//! All metadata of a group is at its start, so what is left for content is one run a group. Content is
//! addressed by *payload address*: its place among all blocks that are not metadata. A payload address does
//! not depend on the size of the image, so placing files comes before the image's size is known.

use crate::BLOCK;
use crate::inode;

/// Blocks of a group: as many as the bits of one bitmap block.
pub(crate) const GROUP_BLOCKS: u64 = 8 * BLOCK as u64;
/// Bytes of `ext4_group_desc` with the feature `64bit`.
pub(crate) const DESCRIPTOR: usize = 64;
/// Inodes of a block of the table.
const INODES_PER_BLOCK: u32 = (BLOCK / inode::SIZE) as u32;
/// Group descriptors of a block.
const DESCRIPTORS_PER_BLOCK: u64 = (BLOCK / DESCRIPTOR) as u64;
/// `mke2fs` reserves descriptors for growth to 1,024 times the size.
const GROWTH: u64 = 1024;
/// A resize inode's double-indirect block has room for so many blocks of descriptors.
const MAX_DESCRIPTOR_BLOCKS: u64 = (BLOCK / 4) as u64;
/// The last group is at least this large behind its metadata, as a shorter one is not worth having.
const LEAST_PAYLOAD: u64 = 64;

/// Blocks that follow on each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BlockRun {
    pub(crate) start: u64,
    pub(crate) length: u64,
}

/// The division of an image.
#[derive(Clone, Debug)]
pub(crate) struct Geometry {
    /// Blocks of the image.
    pub(crate) blocks: u64,
    pub(crate) groups: u32,
    pub(crate) inodes_per_group: u32,
    /// Blocks of the group descriptors.
    pub(crate) descriptor_blocks: u64,
    /// Blocks that the descriptors can grow into (`s_reserved_gdt_blocks`).
    pub(crate) reserved_blocks: u64,
    /// Payload blocks before each group, and of all groups at the end.
    payload: Vec<u64>,
}

impl Geometry {
    /// An image of at least `blocks` blocks with groups of `inodes_per_group` inodes.
    pub(crate) fn new(blocks: u64, inodes_per_group: u32) -> Self {
        let groups = blocks.div_ceil(GROUP_BLOCKS);
        let descriptor_blocks = groups.div_ceil(DESCRIPTORS_PER_BLOCK);
        let grown = groups.next_power_of_two() * GROWTH / DESCRIPTORS_PER_BLOCK;
        let reserved = grown.min(MAX_DESCRIPTOR_BLOCKS);
        let mut geometry = Self {
            blocks,
            groups: groups as u32,
            inodes_per_group,
            descriptor_blocks,
            reserved_blocks: reserved.saturating_sub(descriptor_blocks),
            payload: Vec::new(),
        };
        let last = geometry.groups - 1;
        let least = geometry.first_block(last) + geometry.metadata(last) + LEAST_PAYLOAD;
        geometry.blocks = blocks.max(least);
        let mut payload = 0;
        geometry.payload = (0..geometry.groups)
            .map(|group| {
                let before = payload;
                payload += geometry.group_blocks(group) - geometry.metadata(group);
                before
            })
            .collect();
        geometry.payload.push(payload);
        geometry
    }

    /// Groups whose bitmaps and inode tables stand together: sixteen as in `mke2fs`, or eight where the tables are
    /// so large that those of sixteen would not fit into one group.
    pub(crate) fn flex_groups(&self) -> u32 {
        if self.inodes_per_group <= 16384 {
            16
        } else {
            8
        }
    }

    /// First block of a group.
    pub(crate) fn first_block(&self, group: u32) -> u64 {
        u64::from(group) * GROUP_BLOCKS
    }

    /// Blocks of a group; the last may be shorter than the others.
    pub(crate) fn group_blocks(&self, group: u32) -> u64 {
        GROUP_BLOCKS.min(self.blocks - self.first_block(group))
    }

    /// Blocks of a group's inode table.
    pub(crate) fn table_blocks(&self) -> u64 {
        u64::from(self.inodes_per_group / INODES_PER_BLOCK)
    }

    /// Blocks of a group's copy of the superblock and of the descriptors, with what they can grow into.
    pub(crate) fn base_blocks(&self, group: u32) -> u64 {
        if has_superblock(group) {
            1 + self.descriptor_blocks + self.reserved_blocks
        } else {
            0
        }
    }

    /// Blocks at the start of a group that are not payload.
    pub(crate) fn metadata(&self, group: u32) -> u64 {
        let (first, count) = self.flex(group);
        let tables = u64::from(count) * (2 + self.table_blocks());
        self.base_blocks(group) + if group == first { tables } else { 0 }
    }

    /// Block of a group's block bitmap.
    pub(crate) fn block_bitmap(&self, group: u32) -> u64 {
        let (first, _) = self.flex(group);
        self.flex_start(group) + u64::from(group - first)
    }

    /// Block of a group's inode bitmap.
    pub(crate) fn inode_bitmap(&self, group: u32) -> u64 {
        let (_, count) = self.flex(group);
        self.block_bitmap(group) + u64::from(count)
    }

    /// First block of a group's inode table.
    pub(crate) fn inode_table(&self, group: u32) -> u64 {
        let (first, count) = self.flex(group);
        self.flex_start(group)
            + 2 * u64::from(count)
            + u64::from(group - first) * self.table_blocks()
    }

    /// Groups that hold a copy of the superblock, the first included.
    pub(crate) fn superblock_groups(&self) -> impl Iterator<Item = u32> {
        (0..self.groups).filter(|&group| has_superblock(group))
    }

    /// Blocks of the image that are not metadata.
    pub(crate) fn payload_blocks(&self) -> u64 {
        self.payload.last().copied().unwrap_or(0)
    }

    /// The places of a run of payload addresses in the image, in order.
    pub(crate) fn locate(&self, run: BlockRun) -> impl Iterator<Item = BlockRun> {
        let end = run.start + run.length;
        let mut at = run.start;
        let mut group = self.payload.partition_point(|&before| before <= at) - 1;
        std::iter::from_fn(move || {
            if at >= end {
                return None;
            }
            while self.payload[group + 1] <= at {
                group += 1;
            }
            let id = group as u32;
            let length = end.min(self.payload[group + 1]) - at;
            let start = self.first_block(id) + self.metadata(id) + at - self.payload[group];
            at += length;
            Some(BlockRun { start, length })
        })
    }

    /// First group and number of groups of a group's flex group.
    fn flex(&self, group: u32) -> (u32, u32) {
        let size = self.flex_groups();
        let first = group / size * size;
        (first, size.min(self.groups - first))
    }

    fn flex_start(&self, group: u32) -> u64 {
        let (first, _) = self.flex(group);
        self.first_block(first) + self.base_blocks(first)
    }
}

/// `sparse_super`: groups 0 and 1 and the powers of 3, 5 and 7.
fn has_superblock(group: u32) -> bool {
    let is_power = |base: u32| {
        let mut rest = group;
        while rest.is_multiple_of(base) {
            rest /= base;
        }
        rest == 1
    };
    group <= 1 || [3, 5, 7].into_iter().any(is_power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn superblocks_are_in_the_groups_of_sparse_super() {
        let groups: Vec<u32> = (0..100).filter(|&g| has_superblock(g)).collect();
        assert_eq!(groups, [0, 1, 3, 5, 7, 9, 25, 27, 49, 81]);
    }

    #[test]
    fn payload_and_metadata_make_the_whole() {
        for blocks in [1 << 10, 1 << 15, 100_000, 3 << 20, (3 << 20) + 7] {
            let geometry = Geometry::new(blocks, 8192);
            let metadata: u64 = (0..geometry.groups).map(|g| geometry.metadata(g)).sum();
            assert_eq!(metadata + geometry.payload_blocks(), geometry.blocks);
            let all = BlockRun {
                start: 0,
                length: geometry.payload_blocks(),
            };
            let mut end = 0;
            for run in geometry.locate(all) {
                assert!(run.start >= end && run.length > 0);
                end = run.start + run.length;
            }
            assert_eq!(end, geometry.blocks);
        }
    }
}
