//! Anchors, at which the numbering of inodes and blocks begins anew, so that a small change moves few of them.
//!
//! Inodes and blocks are given out in the order of the paths. Left so, one file that grows would move every
//! block behind it. Instead, some paths (which ones their own hash decides, so that a change elsewhere
//! does not) start at a multiple of a power of two. A shift that arrives at such an anchor is absorbed unless it crosses the
//! multiple; then the rarer and coarser anchors behind it absorb the rest. The gaps are free space.

use crate::checksum::crc32c;

/// The coarseness of the multiples.
pub(crate) struct Steps {
    /// Of an anchor of each rank.
    steps: [u64; 3],
}

/// For inodes: a gap of some 10 % of the numbers. Sixteen inodes share a block of the table.
pub(crate) const INODES: Steps = Steps {
    steps: [8, 64, 512],
};
/// For blocks: a gap of some 7 % of the content of a usual Debian tree, which has five blocks a file.
pub(crate) const BLOCKS: Steps = Steps {
    steps: [16, 256, 4096],
};

/// One path in 2^RANKS is an anchor of that rank or a higher one.
const RANKS: [u32; 3] = [6, 10, 14];

/// The first number from `next` on that this path may have.
pub(crate) fn place(path: &[u8], next: u64, steps: &Steps) -> u64 {
    let zeros = crc32c(!0, path).trailing_zeros();
    let step = RANKS
        .iter()
        .zip(steps.steps)
        .filter(|(rank, _)| zeros >= **rank)
        .map(|(_, step)| step)
        .next_back();
    step.map_or(next, |step| next.next_multiple_of(step))
}
