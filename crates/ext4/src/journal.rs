//! An empty journal: the superblock of `jbd2` and the size of the rest.

use crate::BLOCK;

/// `EXT4_JOURNAL_INO`.
pub(crate) const INODE: u32 = 8;
/// `JBD2_MIN_JOURNAL_BLOCKS`.
const MIN_BLOCKS: u64 = 1024;
/// A larger one would need more extents than its inode holds: one in the first group, two in the next two,
/// one behind them.
pub(crate) const MAX_MIB: u32 = 256;
/// `JBD2_MAGIC_NUMBER`.
const MAGIC: u32 = 0xc03b_3998;
/// `JBD2_SUPERBLOCK_V2`.
const SUPERBLOCK_V2: u32 = 4;
/// `JBD2_FEATURE_INCOMPAT_64BIT` and `JBD2_FEATURE_INCOMPAT_CSUM_V3`.
const FEATURES: u32 = 0x2 | 0x10;
/// `JBD2_CRC32C_CHKSUM`.
const CRC32C: u8 = 4;
/// Bytes of `journal_superblock_s`.
const SUPERBLOCK: usize = 1024;

/// Blocks of the journal below so many blocks of file system: `ext2fs_default_journal_size` of e2fsprogs.
const AUTO: [(u64, u64); 4] = [
    (32_768, 1024),
    (262_144, 4096),
    (524_288, 8192),
    (4_194_304, 16_384),
];

/// The size of a journal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JournalSize {
    /// As `mke2fs` chooses: 4 MiB below 128 MiB of file system, 16 MiB below 1 GiB, 32 MiB below 2 GiB, 64 MiB below
    /// 16 GiB, else 128 MiB.
    Auto,
    /// This many MiB; less than 4 counts as 4, and 256 are the most.
    Mib(u32),
}

/// Blocks of the journal of a file system of about `size` blocks.
pub(crate) fn blocks(journal: JournalSize, size: u64) -> u64 {
    match journal {
        JournalSize::Auto => AUTO
            .iter()
            .find(|(below, _)| size < *below)
            .map_or(32_768, |(_, blocks)| *blocks),
        JournalSize::Mib(mib) => MIN_BLOCKS.max((u64::from(mib) << 20) / BLOCK as u64),
    }
}

/// The first block of an empty journal of `blocks` blocks. All else in it is zero.
pub(crate) fn superblock(blocks: u64, uuid: &[u8; 16]) -> Box<[u8; BLOCK]> {
    let mut block = Box::new([0; BLOCK]);
    let mut put = |at: usize, value: u32| block[at..at + 4].copy_from_slice(&value.to_be_bytes());
    put(0x00, MAGIC);
    put(0x04, SUPERBLOCK_V2);
    put(0x0c, BLOCK as u32);
    put(0x10, blocks as u32); // s_maxlen
    put(0x14, 1); // s_first: the log starts behind this block
    put(0x18, 1); // s_sequence
    put(0x28, FEATURES);
    put(0x40, 1); // s_nr_users
    block[0x30..0x40].copy_from_slice(uuid);
    block[0x50] = CRC32C;
    let sum = crate::checksum::crc32c(!0, &block[..SUPERBLOCK]);
    block[0xfc..0x100].copy_from_slice(&sum.to_be_bytes());
    block
}
