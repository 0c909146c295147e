//! Deterministic ext4 writer: from a sorted tree to an image in one sequential pass.
//!
//! Nothing is mounted and nobody needs to be root. The image depends on the tree and the [`Options`] alone:
//! the same input gives the same bytes on every machine.
//!
//! The steps: [`inventory`] turns the tree into inodes, [`layout`] gives each its number and its blocks and
//! sizes the image ([`geometry`]), [`content`] and [`metadata`] say what goes where, and [`blocks`] writes it in the
//! order of the image. Structures are those of the kernel's `Documentation/filesystems/ext4`, under
//! the kernel's names.
//!
//! Why a writer of our own: `arcbox-ext4`, the crate of the repository ext4-rs, takes times from the clock, so that two
//! images never agree, and writes neither checksums of metadata nor a journal, indices of large directories or room for
//! growth (version 0.1.2, `formatter.rs`). `mke2fs -d` needs a folder whose owners are those of the image, thus root.
//! `cargo xtask bench ext4` compares their speed with ours.
//!
//! Two crates judge our images in `tests/judged`: `ext4-view` reads every image of `random_trees`, `large`, `real_tree`
//! and others back in full (`read_back`), and the reader of `arcbox-ext4` reads a tree of all that it knows (`arcbox`). `e2fsck`, `debugfs` and the kernel of every boot judge the rest.
//!
//! **Invariants**: all numbers in an image come from the inputs; a file that changes moves few others
//! ([`anchor`]); memory grows with the number of files, never with their sizes.

mod acl;
mod anchor;
mod blocks;
mod bytes;
mod checksum;
mod content;
mod data_runs;
mod directory;
mod extent;
mod geometry;
mod group;
mod hash;
mod htree;
mod image;
mod inode;
mod inode_table;
mod inventory;
mod journal;
mod layout;
mod metadata;
mod node;
mod options;
mod resize;
mod superblock;
mod usage;
mod write;
mod xattr;

pub use journal::JournalSize;
pub use options::Options;
pub use write::{Summary, measure, write, write_hashed};

/// Bytes of a block.
pub const BLOCK: usize = 4096;
