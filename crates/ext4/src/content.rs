//! The one pass over all content, in the order of the image: files, directories, links, attributes.

use kindling_base::Result;
use kindling_tree::Content;

use crate::checksum::inode_seed;
use crate::data_runs::{DataRuns, is_zero};
use crate::extent::{self, Extent};
use crate::geometry::{Geometry, Run};
use crate::image::Image;
use crate::layout::{self, Layout};
use crate::node::{Body, FAST_SYMLINK, Node};
use crate::usage::Usage;
use crate::{BLOCK, directory, xattr};

/// Blocks that become a hole when all of them are zero, counted from the start of the file. Single zero
/// blocks stay, as a file in many pieces is slow to read.
const HOLE: u64 = 4;
/// Blocks read at once.
const READ: u64 = (Image::MOST / BLOCK) as u64;
/// Progress is told after so many blocks.
const TELL: u64 = 2048;

/// What the inode of a written node says.
pub(crate) struct Written {
    /// `i_block`.
    pub(crate) root: [u8; 60],
    /// Blocks that belong to it.
    pub(crate) blocks: u64,
    /// Its attribute block, 0 for none.
    pub(crate) xattr_block: u64,
}

/// Everything that stays the same during the pass.
pub(crate) struct Pass<'a> {
    pub(crate) layout: &'a Layout<'a>,
    pub(crate) hash_seed: &'a [u8; 16],
    /// `s_csum_seed`.
    pub(crate) checksum_seed: u32,
    /// Generation of each node's inode.
    pub(crate) generations: &'a [u32],
}

/// Writes the blocks of all nodes and returns what their inodes need; `usage` gets the blocks taken.
///
/// # Errors
/// Content cannot be read or the image not be written.
pub(crate) fn write(
    pass: &Pass<'_>,
    image: &mut Image,
    usage: &mut Usage,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Vec<Written>> {
    let mut all = Vec::with_capacity(pass.layout.nodes.len());
    let mut tell = Progress {
        callback: progress,
        total: pass.layout.end,
        told: 0,
    };
    for (node, &generation) in pass.layout.nodes.iter().zip(pass.generations) {
        let mut sink = Sink {
            geometry: &pass.layout.geometry,
            image: &mut *image,
            usage: &mut *usage,
            progress: &mut tell,
            next: node.first,
            blocks: 0,
        };
        let seed = inode_seed(pass.checksum_seed, node.number, generation);
        all.push(write_node(pass, node, seed, &mut sink)?);
    }
    (tell.callback)(tell.total, tell.total);
    Ok(all)
}

/// Where the blocks of one node go.
struct Sink<'a, 'p> {
    geometry: &'a Geometry,
    image: &'a mut Image,
    usage: &'a mut Usage,
    progress: &'a mut Progress<'p>,
    /// Next payload address of the node.
    next: u64,
    /// Blocks taken so far.
    blocks: u64,
}

struct Progress<'p> {
    callback: &'p mut dyn FnMut(u64, u64),
    total: u64,
    told: u64,
}

impl Progress<'_> {
    fn reached(&mut self, address: u64) {
        if address >= self.told + TELL {
            self.told = address;
            (self.callback)(address, self.total);
        }
    }
}

fn write_node(
    pass: &Pass<'_>,
    node: &Node<'_>,
    seed: u32,
    sink: &mut Sink<'_, '_>,
) -> Result<Written> {
    let mut xattr_block = 0;
    if let Some(block) = node.xattrs.as_ref().and_then(|x| x.block.as_ref()) {
        let mut block = block.clone();
        xattr_block = sink.take_one();
        xattr::seal(&mut block, xattr_block, pass.checksum_seed);
        sink.image.put(xattr_block, block.as_slice())?;
    }
    let tree = Run {
        start: sink.next,
        length: layout::tree_blocks(node),
    };
    sink.next += tree.length;
    let mut freed = vec![tree];
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
            sink.put(&bytes)?
        }
        Body::File { content, runs } => copy(content, runs, sink, &mut freed)?,
        Body::Symlink(text) if text.len() < FAST_SYMLINK => {
            let mut root = [0; 60];
            root[..text.len()].copy_from_slice(text);
            return Ok(sink.written(root, xattr_block));
        }
        Body::Symlink(text) => {
            let mut block = [0; BLOCK];
            block[..text.len()].copy_from_slice(text);
            sink.put(&block)?
        }
        Body::Device(root) => return Ok(sink.written(*root, xattr_block)),
        Body::Empty => return Ok(sink.written([0; 60], xattr_block)),
    };
    let geometry = sink.geometry;
    let places = freed.iter().flat_map(|run| geometry.locate(*run));
    let mut places = places.flat_map(|run| run.start..run.start + run.length);
    let map = extent::map(&extents, seed, &mut places);
    for (place, block) in &map.blocks {
        sink.image.put(*place, block.as_slice())?;
        sink.take(Run {
            start: *place,
            length: 1,
        });
    }
    Ok(sink.written(map.root, xattr_block))
}

/// Copies a file's content; runs of zeros are left out and their payload addresses added to `freed`.
fn copy(
    content: &Content,
    runs: &DataRuns,
    sink: &mut Sink<'_, '_>,
    freed: &mut Vec<Run>,
) -> Result<Vec<Extent>> {
    let mut extents = Vec::new();
    for run in runs.iter() {
        let mut done = 0;
        while done < run.length {
            let count = READ.min(run.length - done);
            let logical = run.start + done;
            let from = logical * BLOCK as u64;
            let bytes = (content.len() - from).min(count * BLOCK as u64) as usize;
            let start = sink.image.buffer(count as usize * BLOCK, |buffer| {
                let (data, rest) = buffer.split_at_mut(bytes);
                rest.fill(0);
                content.read_at(from, data)
            })?;
            let mut at = 0;
            while at < count {
                let (length, zero) = stretch(sink.image, start, at, count);
                if zero {
                    freed.push(Run {
                        start: sink.next,
                        length,
                    });
                    sink.next += length;
                } else {
                    let offset = start + at as usize * BLOCK;
                    sink.place(&mut extents, logical + at, offset, length);
                }
                at += length;
            }
            done += count;
        }
    }
    Ok(extents)
}

/// Number of blocks from `at` on that are alike, all holes or none, and whether they are holes.
fn stretch(image: &Image, start: usize, at: u64, count: u64) -> (u64, bool) {
    let is_hole = |at: u64| {
        let length = HOLE.min(count - at) as usize * BLOCK;
        is_zero(image.buffered(start + at as usize * BLOCK, length))
    };
    let zero = is_hole(at);
    let mut end = at;
    while end < count && is_hole(end) == zero {
        end = count.min(end + HOLE);
    }
    (end - at, zero)
}

impl Sink<'_, '_> {
    /// Places buffered blocks at the next payload addresses.
    fn place(
        &mut self,
        extents: &mut Vec<Extent>,
        mut logical: u64,
        mut start: usize,
        length: u64,
    ) {
        let run = Run {
            start: self.next,
            length,
        };
        for piece in self.geometry.locate(run) {
            self.image
                .place(piece.start, start, piece.length as usize * BLOCK);
            extent::push(
                extents,
                Extent {
                    logical,
                    physical: piece.start,
                    length: piece.length,
                },
            );
            self.take(piece);
            logical += piece.length;
            start += piece.length as usize * BLOCK;
        }
        self.next += length;
        self.progress.reached(self.next);
    }

    /// Puts blocks at the next payload addresses.
    fn put(&mut self, bytes: &[u8]) -> Result<Vec<Extent>> {
        let (mut extents, mut logical) = (Vec::new(), 0);
        for part in bytes.chunks(Image::MOST) {
            let start = self.image.buffer(part.len(), |buffer| {
                buffer.copy_from_slice(part);
                Ok(())
            })?;
            let count = (part.len() / BLOCK) as u64;
            self.place(&mut extents, logical, start, count);
            logical += count;
        }
        Ok(extents)
    }

    /// Takes the next payload address; returns its block.
    fn take_one(&mut self) -> u64 {
        let run = Run {
            start: self.next,
            length: 1,
        };
        self.next += 1;
        let place = self.geometry.locate(run).next();
        let place = place.unwrap_or(run); // a run of one block has one piece
        self.take(place);
        place.start
    }

    fn take(&mut self, run: Run) {
        self.blocks += run.length;
        self.usage.add(run);
    }

    fn written(&self, root: [u8; 60], xattr_block: u64) -> Written {
        Written {
            root,
            blocks: self.blocks,
            xattr_block,
        }
    }
}
