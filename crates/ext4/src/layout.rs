//! Decides the place of everything before anything is written.

use kindling_base::{Error, Result};
use kindling_tree::Tree;

use crate::anchor;
use crate::geometry::{BlockRun, GROUP_BLOCKS, Geometry};
use crate::node::{Body, Node};
use crate::{BLOCK, Options, extent, inventory, journal};

/// Bytes of free space for each inode more than the tree has, `inode_ratio` of `mke2fs.conf`.
const INODE_RATIO: u64 = 16384;
/// Inodes of a full group at that ratio.
const USUAL_INODES: u64 = GROUP_BLOCKS * BLOCK as u64 / INODE_RATIO;
/// A group's number of inodes is a multiple of this, so that a few more files do not move the tables.
const INODE_STEP: u64 = 512;
/// Inodes of a group are at most the bits of a bitmap block.
const MAX_INODES: u64 = GROUP_BLOCKS;
/// An image is a whole number of MiB.
const SIZE_STEP: u64 = (1 << 20) / BLOCK as u64;
/// The kernel keeps back a fiftieth of all blocks, at most this many (`ext4_set_resv_clusters`).
const MAX_KEPT_BACK: u64 = 4096;
/// Blocks behind the metadata of any group, at least.
const LEAST_PAYLOAD: u64 = GROUP_BLOCKS / 2 - 1024;

/// A decided image.
pub(crate) struct Layout<'a> {
    pub(crate) nodes: Vec<Node<'a>>,
    pub(crate) geometry: Geometry,
    /// Payload address of the resize inode's only block of its own.
    pub(crate) resize_block: u64,
    /// Payload addresses of the journal.
    pub(crate) journal: Option<BlockRun>,
}

/// Numbers the inodes, places their blocks and sizes the image.
///
/// # Errors
/// The tree has something that ext4 cannot hold, or is too large; large files cannot be read.
pub(crate) fn plan<'a>(tree: &'a Tree, options: &Options) -> Result<Layout<'a>> {
    let mut nodes = inventory::collect(tree, options.epoch, &options.hash_seed)?;
    let content: u64 = nodes.iter().map(needed).sum();
    let free = options.free_bytes.div_ceil(BLOCK as u64);
    let journal = options.journal.map(|size| BlockRun {
        start: 1,
        length: journal::blocks(size, content + free),
    });
    let first = journal.map_or(1, |run| run.start + run.length);
    let mut end = first;
    for node in &mut nodes {
        let needed = needed(node);
        if needed > 0 {
            node.first = anchor::place(node.path, end, &anchor::BLOCKS);
            end = node.first + needed;
        }
    }
    let geometry = size(end, first + content + free, inodes(&nodes, options))?;
    Ok(Layout {
        nodes,
        geometry,
        resize_block: 0,
        journal,
    })
}

/// Blocks set aside for an extent tree.
pub(crate) fn tree_blocks(node: &Node<'_>) -> u64 {
    let data = node.data_blocks();
    let runs = match &node.body {
        Body::File { runs, .. } => runs.len() as u64,
        _ => 1,
    };
    // A run that touches n groups is in n pieces at most, and each piece in extents of limited length.
    let pieces = data / LEAST_PAYLOAD + data / extent::MAX_LENGTH + 2 + runs;
    extent::tree_blocks(pieces as usize) as u64
}

/// Blocks that a node is given.
fn needed(node: &Node<'_>) -> u64 {
    node.xattr_blocks() + tree_blocks(node) + node.data_blocks()
}

/// Inodes up to the last that is used, and some for the free space.
fn inodes(nodes: &[Node<'_>], options: &Options) -> u64 {
    let last = nodes.last().map_or(0, |node| node.number);
    u64::from(last) + options.free_bytes / INODE_RATIO
}

/// The smallest image with room for payload addresses below `end`, and for `wanted` blocks besides those
/// that the kernel keeps back, and for so many inodes.
fn size(end: u64, wanted: u64, inodes: u64) -> Result<Geometry> {
    let mut blocks = end.max(wanted);
    loop {
        blocks = blocks.next_multiple_of(SIZE_STEP);
        if blocks > u64::from(u32::MAX) {
            return Err(Error::user(
                "the image would be larger than 16 TiB, the most that is supported",
            )
            .hint("leave something out of the tree, or ask for less free space"));
        }
        let groups = blocks.div_ceil(GROUP_BLOCKS);
        let usual = USUAL_INODES.min(blocks * BLOCK as u64 / INODE_RATIO);
        let inodes = usual
            .max(inodes.div_ceil(groups))
            .next_multiple_of(INODE_STEP);
        if inodes > MAX_INODES {
            blocks = groups * GROUP_BLOCKS + 1;
            continue;
        }
        let geometry = Geometry::new(blocks, inodes as u32);
        let kept_back = (geometry.blocks / 50).min(MAX_KEPT_BACK);
        let missing = end
            .max(wanted + kept_back)
            .saturating_sub(geometry.payload_blocks());
        if missing == 0 {
            return Ok(geometry);
        }
        blocks = geometry.blocks + missing;
    }
}
