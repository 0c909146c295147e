//! Deterministic ext4 writer: from a sorted tree to an image in one sequential pass.
//!
//! Nothing is mounted and nobody needs to be root. The image depends on the tree and the [`Options`] alone:
//! the same input gives the same bytes on every machine.
//!
//! How it goes: [`inventory`] turns the tree into inodes, [`layout`] gives each its number and its blocks and
//! sizes the image ([`geometry`]), [`content`] and [`metadata`] say what goes where, and [`blocks`] writes it in the
//! order of the image. Structures are those of the kernel's `Documentation/filesystems/ext4`, under
//! the kernel's names.
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
