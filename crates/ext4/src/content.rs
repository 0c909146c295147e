//! Places the content of all nodes: files, directories, links, attributes.

use kindling_tree::Content;

use crate::blocks::Blocks;
use crate::checksum::inode_seed;
use crate::data_runs::DataRuns;
use crate::extent::{self, Extent};
use crate::geometry::{BlockRun, Geometry};
use crate::layout::{self, Layout};
use crate::node::{Body, FAST_SYMLINK, Node};
use crate::usage::Usage;
use crate::{BLOCK, directory, xattr};

/// The fields of a placed node's inode.
pub(crate) struct Placed {
    /// `i_block`.
    pub(crate) root: [u8; 60],
    /// Blocks that belong to it.
    pub(crate) blocks: u64,
    /// Its attribute block, 0 for none.
    pub(crate) xattr_block: u64,
}

/// Everything that stays the same for all nodes.
pub(crate) struct Pass<'a> {
    pub(crate) layout: &'a Layout<'a>,
    pub(crate) hash_seed: &'a [u8; 16],
    /// `s_csum_seed`.
    pub(crate) checksum_seed: u32,
    /// Generation of each node's inode.
    pub(crate) generations: &'a [u32],
}

/// Places the blocks of all nodes and returns what their inodes need; `usage` gets the blocks taken.
pub(crate) fn place<'a>(
    pass: &Pass<'a>,
    blocks: &mut Blocks<'a>,
    usage: &mut Usage,
) -> Vec<Placed> {
    let nodes = pass.layout.nodes.iter().zip(pass.generations);
    let place = |(node, &generation): (&'a Node<'a>, &u32)| {
        let seed = inode_seed(pass.checksum_seed, node.number, generation);
        let mut sink = Sink {
            geometry: &pass.layout.geometry,
            blocks: &mut *blocks,
            usage: &mut *usage,
            next: node.first,
            taken: 0,
        };
        place_node(pass, node, seed, &mut sink)
    };
    nodes.map(place).collect()
}

/// Places the blocks of one node.
struct Sink<'a, 's> {
    geometry: &'a Geometry,
    blocks: &'s mut Blocks<'a>,
    usage: &'s mut Usage,
    /// Next payload address of the node.
    next: u64,
    /// Blocks taken so far.
    taken: u64,
}

fn place_node<'a>(
    pass: &Pass<'a>,
    node: &'a Node<'a>,
    seed: u32,
    sink: &mut Sink<'a, '_>,
) -> Placed {
    let mut xattr_block = 0;
    if let Some(block) = node.xattrs.as_ref().and_then(|x| x.block.as_ref()) {
        let mut block = block.clone();
        xattr_block = sink.take_one();
        xattr::seal(&mut block, xattr_block, pass.checksum_seed);
        sink.blocks.put(xattr_block, block.as_slice());
    }
    let tree = BlockRun {
        start: sink.next,
        length: layout::tree_blocks(node),
    };
    sink.next += tree.length;
    let extents = match &node.body {
        Body::Directory(listing) => {
            let nodes = &pass.layout.nodes;
            let identity = directory::Identity {
                inode: node.number,
                parent: nodes[listing.parent as usize].number,
                seed,
            };
            let inode_of = |child: u32| nodes[child as usize].number;
            let padding = listing.padding;
            let bytes = directory::blocks(
                &identity,
                &listing.children,
                inode_of,
                pass.hash_seed,
                padding,
            );
            sink.put(&bytes)
        }
        Body::File { content, runs } => sink.copy(content, runs),
        Body::Symlink(text) if text.len() < FAST_SYMLINK => {
            let mut root = [0; 60];
            root[..text.len()].copy_from_slice(text);
            return sink.placed(root, xattr_block);
        }
        Body::Symlink(text) => {
            let mut block = [0; BLOCK];
            block[..text.len()].copy_from_slice(text);
            sink.put(&block)
        }
        Body::Device(root) => return sink.placed(*root, xattr_block),
        Body::Empty => return sink.placed([0; 60], xattr_block),
    };
    // What of the room for the tree is not needed stays free.
    let places = sink.geometry.locate(tree);
    let mut places = places.flat_map(|run| run.start..run.start + run.length);
    let map = extent::map(&extents, seed, &mut places);
    for (place, block) in map.blocks {
        sink.blocks.put(place, block.as_slice());
        sink.take(BlockRun {
            start: place,
            length: 1,
        });
    }
    sink.placed(map.root, xattr_block)
}

impl<'a> Sink<'a, '_> {
    /// Puts a file's data at the next payload addresses.
    fn copy(&mut self, content: &'a Content, runs: &DataRuns) -> Vec<Extent> {
        let mut extents = Vec::new();
        for run in runs.iter() {
            for extent in self.take_next(run.start, run.length) {
                let run = BlockRun {
                    start: extent.logical,
                    length: extent.length,
                };
                self.blocks.copy(extent.physical, content, run);
                extent::push(&mut extents, extent);
            }
        }
        extents
    }

    /// Puts whole blocks at the next payload addresses.
    fn put(&mut self, bytes: &[u8]) -> Vec<Extent> {
        let mut extents = Vec::new();
        for extent in self.take_next(0, (bytes.len() / BLOCK) as u64) {
            let from = extent.logical as usize * BLOCK;
            let piece = &bytes[from..from + extent.length as usize * BLOCK];
            self.blocks.put(extent.physical, piece);
            extent::push(&mut extents, extent);
        }
        extents
    }

    /// Takes the next payload addresses for blocks from `logical` on; returns where they are.
    fn take_next(&mut self, mut logical: u64, length: u64) -> Vec<Extent> {
        let run = BlockRun {
            start: self.next,
            length,
        };
        self.next += length;
        let mut pieces = Vec::new();
        for piece in self.geometry.locate(run) {
            self.take(piece);
            pieces.push(Extent {
                logical,
                physical: piece.start,
                length: piece.length,
            });
            logical += piece.length;
        }
        pieces
    }

    /// Takes the next payload address; returns its block.
    fn take_one(&mut self) -> u64 {
        let taken = self.take_next(0, 1);
        taken.first().map_or(0, |piece| piece.physical) // a run of one block has one piece
    }

    fn take(&mut self, run: BlockRun) {
        self.taken += run.length;
        self.usage.add(run);
    }

    fn placed(&self, root: [u8; 60], xattr_block: u64) -> Placed {
        Placed {
            root,
            blocks: self.taken,
            xattr_block,
        }
    }
}
