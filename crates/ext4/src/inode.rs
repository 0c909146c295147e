//! `ext4_inode`: the 256 bytes of a file's attributes.

use kindling_tree::Timestamp;

use crate::bytes::Put;
use crate::checksum::{crc32c, inode_seed};

/// Bytes of an inode in the table (`s_inode_size`).
pub(crate) const SIZE: usize = 256;
/// `i_extra_isize`: the fields up to `i_projid`.
pub(crate) const EXTRA: u16 = 32;
/// Bytes before the attributes in an inode.
pub(crate) const FIELDS: usize = 128 + EXTRA as usize;
/// `EXT4_EXTENTS_FL`.
pub(crate) const FLAG_EXTENTS: u32 = 0x8_0000;
/// `EXT4_INDEX_FL`.
pub(crate) const FLAG_INDEX: u32 = 0x1000;

/// First second that an inode's times can hold.
const FIRST_SECOND: i64 = -(1 << 31);
/// First second that they cannot hold. The fields would go on for another 2^32 seconds, but `e2fsck` takes those for
/// times before 1970 that an old kernel stored wrongly, and changes them.
const END_SECOND: i64 = FIRST_SECOND + 3 * (1 << 32);

/// The fields of an inode.
pub(crate) struct Inode<'a> {
    pub(crate) number: u32,
    pub(crate) generation: u32,
    /// Type and permission bits.
    pub(crate) mode: u16,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) size: u64,
    pub(crate) links: u16,
    /// Blocks of the file system that belong to it, those of its extent tree and attributes included.
    pub(crate) blocks: u64,
    pub(crate) flags: u32,
    /// `i_block`.
    pub(crate) block: [u8; 60],
    /// The attribute block, 0 for none.
    pub(crate) xattr_block: u64,
    /// All four times.
    pub(crate) time: Timestamp,
    /// Attributes in the inode, header included.
    pub(crate) xattrs: &'a [u8],
}

/// Whether an inode can hold this time: 1901 to 2310.
pub(crate) fn holds_time(time: Timestamp) -> bool {
    (FIRST_SECOND..END_SECOND).contains(&time.seconds) && time.nanoseconds < 1_000_000_000
}

/// The inode with its checksum.
pub(crate) fn encode(inode: &Inode<'_>, file_system_seed: u32) -> [u8; SIZE] {
    let mut bytes = [0; SIZE];
    let sectors = inode.blocks * (crate::BLOCK as u64 / 512);
    let seconds = (inode.time.seconds & 0xffff_ffff) as u32;
    let epoch = (inode.time.seconds - FIRST_SECOND) >> 32;
    let extra = inode.time.nanoseconds << 2 | epoch as u32;
    bytes.put16(0x00, inode.mode);
    bytes.put_lo16(0x02, inode.uid);
    bytes.put_lo32(0x04, inode.size);
    bytes.put32(0x08, seconds); // i_atime
    bytes.put32(0x0c, seconds); // i_ctime
    bytes.put32(0x10, seconds); // i_mtime
    bytes.put_lo16(0x18, inode.gid);
    bytes.put16(0x1a, inode.links);
    bytes.put_lo32(0x1c, sectors);
    bytes.put32(0x20, inode.flags);
    bytes.put(0x28, &inode.block);
    bytes.put32(0x64, inode.generation);
    bytes.put_lo32(0x68, inode.xattr_block);
    bytes.put_hi32(0x6c, inode.size);
    bytes.put16(0x74, (sectors >> 32) as u16);
    bytes.put16(0x76, (inode.xattr_block >> 32) as u16);
    bytes.put_hi16(0x78, inode.uid);
    bytes.put_hi16(0x7a, inode.gid);
    bytes.put16(0x80, EXTRA);
    bytes.put32(0x84, extra); // i_ctime_extra
    bytes.put32(0x88, extra); // i_mtime_extra
    bytes.put32(0x8c, extra); // i_atime_extra
    bytes.put32(0x90, seconds); // i_crtime
    bytes.put32(0x94, extra); // i_crtime_extra
    bytes.put(FIELDS, inode.xattrs);
    let sum = crc32c(
        inode_seed(file_system_seed, inode.number, inode.generation),
        &bytes,
    );
    bytes.put_lo16(0x7c, sum);
    bytes.put_hi16(0x82, sum);
    bytes
}

/// `i_block` of a device: the old 16-bit number where it fits, else the new 32-bit one in the second word.
/// `None` for numbers that Linux does not have: 12 bits of major, 20 of minor.
pub(crate) fn device(major: u32, minor: u32) -> Option<[u8; 60]> {
    let mut block = [0; 60];
    if major < 1 << 8 && minor < 1 << 8 {
        block.put32(0, major << 8 | minor);
    } else if major < 1 << 12 && minor < 1 << 20 {
        block.put32(4, minor & 0xff | major << 8 | (minor & !0xff) << 12);
    } else {
        return None;
    }
    Some(block)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_device_encodings() {
        assert_eq!(
            device(5, 1).map(|b| b[..4].to_vec()),
            Some(vec![1, 5, 0, 0])
        );
        // new_encode_dev(MKDEV(259, 300)) is 0x0011032c.
        assert_eq!(
            device(259, 300).map(|b| b[4..8].to_vec()),
            Some(vec![0x2c, 0x03, 0x11, 0x00])
        );
        assert_eq!(device(1 << 12, 0), None);
    }

    #[test]
    fn times_from_1901_to_2310() {
        let at = |seconds| Timestamp {
            seconds,
            nanoseconds: 0,
        };
        assert!(holds_time(at(-2_147_483_648)) && holds_time(at(10_737_418_239)));
        assert!(!holds_time(at(-2_147_483_649)) && !holds_time(at(10_737_418_240)));
    }
}
