//! Options of an image.

use crate::JournalSize;

/// Everything that decides an image besides the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// UUID of the file system.
    pub uuid: [u8; 16],
    /// Seed of the hashes of names and of the generations of inodes.
    pub hash_seed: [u8; 16],
    /// Volume label, at most 16 bytes.
    pub label: String,
    /// Seconds since 1970 for the superblock, `lost+found` and the inodes that no path leads to.
    pub epoch: i64,
    /// Bytes that an ordinary user can still write. No blocks are reserved for root, and what the kernel keeps back
    /// for itself (a fiftieth, 16 MiB at most) is added on top.
    pub free_bytes: u64,
    /// The size of the journal; `None` for an image without one.
    pub journal: Option<JournalSize>,
}
