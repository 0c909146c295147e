//! The inode tables, group by group.

use crate::BLOCK;
use crate::content::{Pass, Placed};
use crate::group::Inodes;
use crate::inode::{self, FLAG_EXTENTS, FLAG_INDEX, Inode};
use crate::node::{self, Body, FAST_SYMLINK};

/// All inodes in order of their numbers.
pub(crate) struct Table<'a> {
    pass: &'a Pass<'a>,
    /// Inodes below `FIRST_INODE` but for the root.
    special: &'a [Inode<'a>],
    placed: &'a [Placed],
    /// Index of the first node of the next group.
    next: usize,
}

impl<'a> Table<'a> {
    /// The tables of an image; `placed` has what each node's inode says of its blocks.
    pub(crate) fn new(pass: &'a Pass<'a>, special: &'a [Inode<'a>], placed: &'a [Placed]) -> Self {
        Self {
            pass,
            special,
            placed,
            next: 0,
        }
    }

    /// The inodes of a group and the blocks of its table up to the last used one. Groups are asked for in order.
    pub(crate) fn group(&mut self, group: u32) -> (Inodes, Vec<u8>) {
        let per_group = self.pass.layout.geometry.inodes_per_group;
        let first = 1 + group * per_group;
        let mut inodes = Inodes::default();
        let mut bytes = Vec::new();
        if group == 0 {
            inodes.used.extend(0..node::FIRST_INODE - 1); // reserved ones count as used
            for inode in self.special {
                self.add(inode, first, &mut bytes);
            }
        }
        let nodes = &self.pass.layout.nodes;
        while let Some(node) = nodes
            .get(self.next)
            .filter(|n| n.number - first < per_group)
        {
            self.add(&self.inode(self.next), first, &mut bytes);
            if node.number >= node::FIRST_INODE {
                inodes.used.push(node.number - first);
            }
            inodes.directories += u32::from(node.is_directory());
            self.next += 1;
        }
        bytes.resize(bytes.len().next_multiple_of(BLOCK), 0);
        (inodes, bytes)
    }

    fn add(&self, inode: &Inode<'_>, first: u32, bytes: &mut Vec<u8>) {
        let at = (inode.number - first) as usize * inode::SIZE;
        bytes.resize(bytes.len().max(at + inode::SIZE), 0);
        bytes[at..at + inode::SIZE].copy_from_slice(&inode::encode(inode, self.pass.checksum_seed));
    }

    fn inode(&self, index: usize) -> Inode<'_> {
        let node = &self.pass.layout.nodes[index];
        let placed = &self.placed[index];
        let flags = match &node.body {
            Body::Directory(directory) if directory.is_indexed => FLAG_EXTENTS | FLAG_INDEX,
            Body::Directory(_) | Body::File { .. } => FLAG_EXTENTS,
            Body::Symlink(text) if text.len() >= FAST_SYMLINK => FLAG_EXTENTS,
            Body::Symlink(_) | Body::Device(_) | Body::Empty => 0,
        };
        Inode {
            number: node.number,
            generation: self.pass.generations[index],
            mode: node.mode,
            uid: node.uid,
            gid: node.gid,
            size: node.size(),
            links: node.links as u16, // at most EXT4_LINK_MAX
            blocks: placed.blocks,
            flags,
            block: placed.root,
            xattr_block: placed.xattr_block,
            time: node.time,
            xattrs: node.xattrs.as_ref().map_or(&[], |stored| &stored.inode),
        }
    }
}
