//! Writes the description of the content, when all places are known: inode tables, bitmaps, descriptors, superblocks.

use kindling_tree::Timestamp;

use crate::blocks::Blocks;
use crate::content::{Pass, Placed};
use crate::extent::{self, Extent};
use crate::geometry::{BlockRun, DESCRIPTOR, Geometry};
use crate::group;
use crate::inode::{FLAG_EXTENTS, Inode};
use crate::inode_table::Table;
use crate::superblock::{self, Totals};
use crate::usage::Usage;
use crate::{BLOCK, Options, journal, resize};

/// Places the blocks of the resize inode and of the journal; returns their inodes.
pub(crate) fn special_inodes(
    pass: &Pass<'_>,
    options: &Options,
    blocks: &mut Blocks<'_>,
    usage: &mut Usage,
) -> Vec<Inode<'static>> {
    let geometry = &pass.layout.geometry;
    let mut inodes = Vec::new();
    if geometry.reserved_blocks > 0 {
        let own = BlockRun {
            start: pass.layout.resize_block,
            length: 1,
        };
        for place in geometry.locate(own) {
            usage.add(place);
            blocks.put(place.start, resize::double_indirect(geometry));
            let taken = resize::blocks(geometry);
            let root = resize::root(place.start);
            inodes.push(special(
                resize::INODE,
                resize::SIZE,
                taken,
                root,
                0,
                options,
            ));
        }
        for (place, block) in (1 + geometry.descriptor_blocks..).zip(resize::indirect(geometry)) {
            blocks.put(place, block);
        }
    }
    if let Some(run) = pass.layout.journal {
        let mut extents = Vec::new();
        let mut logical = 0;
        for place in geometry.locate(run) {
            usage.add(place);
            let BlockRun { start, length } = place;
            let physical = start;
            extent::push(
                &mut extents,
                Extent {
                    logical,
                    physical,
                    length,
                },
            );
            logical += length;
        }
        if let Some(first) = extents.first() {
            let block = journal::superblock(run.length, &options.uuid);
            blocks.put(first.physical, block.as_slice());
        }
        let seed = crate::checksum::inode_seed(pass.checksum_seed, journal::INODE, 0);
        // `journal::MAX_MIB` keeps the extents few enough for the inode.
        let root = extent::map(&extents, seed, &mut std::iter::empty()).root;
        let size = run.length * BLOCK as u64;
        inodes.push(special(
            journal::INODE,
            size,
            run.length,
            root,
            FLAG_EXTENTS,
            options,
        ));
    }
    inodes
}

fn special(
    number: u32,
    size: u64,
    blocks: u64,
    block: [u8; 60],
    flags: u32,
    options: &Options,
) -> Inode<'static> {
    Inode {
        number,
        generation: 0,
        mode: 0o100_600,
        uid: 0,
        gid: 0,
        size,
        links: 1,
        blocks,
        flags,
        block,
        xattr_block: 0,
        time: Timestamp {
            seconds: options.epoch,
            nanoseconds: 0,
        },
        xattrs: &[],
    }
}

/// Places everything that describes the content.
pub(crate) fn describe(
    pass: &Pass<'_>,
    options: &Options,
    special: &[Inode<'_>],
    placed: &[Placed],
    usage: Usage,
    blocks: &mut Blocks<'_>,
) {
    let geometry = &pass.layout.geometry;
    let runs = usage.sorted();
    let mut inodes = Table::new(pass, special, placed);
    let mut descriptors = Vec::with_capacity(geometry.groups as usize * DESCRIPTOR);
    let (mut free_blocks, mut free_inodes) = (0, 0);
    let mut first_run = 0;
    for id in 0..geometry.groups {
        let (start, end) = (
            geometry.first_block(id),
            geometry.first_block(id) + geometry.group_blocks(id),
        );
        first_run += runs[first_run..].partition_point(|run| run.start + run.length <= start);
        let touching = runs[first_run..].partition_point(|run| run.start < end);
        let (used, bytes) = inodes.group(id);
        let group = group::describe(
            geometry,
            id,
            &runs[first_run..first_run + touching],
            &used,
            pass.checksum_seed,
        );
        blocks.put(geometry.inode_table(id), bytes);
        if let Some(bitmap) = &group.block_bitmap {
            blocks.put(geometry.block_bitmap(id), bitmap.bytes().as_slice());
        }
        if let Some(bitmap) = &group.inode_bitmap {
            blocks.put(geometry.inode_bitmap(id), bitmap.bytes().as_slice());
        }
        descriptors.extend_from_slice(&group.descriptor);
        free_blocks += group.free_blocks;
        free_inodes += group.free_inodes;
    }
    let journal = special.iter().find(|inode| inode.number == journal::INODE);
    let totals = Totals {
        free_blocks,
        free_inodes,
        journal: journal.map(|inode| (inode.block, inode.size)),
    };
    copies(geometry, options, &totals, descriptors, blocks);
}

/// Places the superblock and the descriptors in every group that has them.
fn copies(
    geometry: &Geometry,
    options: &Options,
    totals: &Totals,
    mut descriptors: Vec<u8>,
    blocks: &mut Blocks<'_>,
) {
    descriptors.resize(geometry.descriptor_blocks as usize * BLOCK, 0);
    for id in geometry.superblock_groups() {
        let mut block = [0; BLOCK];
        let offset = if id == 0 { superblock::OFFSET } else { 0 };
        block[offset..offset + superblock::SIZE]
            .copy_from_slice(&superblock::encode(geometry, options, totals, id));
        blocks.put(geometry.first_block(id), block);
        blocks.put(geometry.first_block(id) + 1, descriptors.as_slice());
    }
}
