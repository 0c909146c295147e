//! `ext4_super_block`.

use crate::bytes::Put;
use crate::checksum::crc32c;
use crate::geometry::{DESCRIPTOR, GROUP_BLOCKS, Geometry};
use crate::{BLOCK, Options, inode, journal, node};

/// Bytes of the structure.
pub(crate) const SIZE: usize = 1024;
/// Its place in the first block; its copies are at the start of theirs.
pub(crate) const OFFSET: usize = 1024;

/// `EXT4_FEATURE_COMPAT_*`.
mod compat {
    pub(super) const HAS_JOURNAL: u32 = 0x4;
    pub(super) const EXT_ATTR: u32 = 0x8;
    pub(super) const RESIZE_INODE: u32 = 0x10;
    pub(super) const DIR_INDEX: u32 = 0x20;
}

/// `EXT4_FEATURE_INCOMPAT_*`.
mod incompat {
    pub(super) const FILETYPE: u32 = 0x2;
    pub(super) const EXTENTS: u32 = 0x40;
    pub(super) const BITS_64: u32 = 0x80;
    pub(super) const FLEX_BG: u32 = 0x200;
}

/// `EXT4_FEATURE_RO_COMPAT_*`.
mod ro_compat {
    pub(super) const SPARSE_SUPER: u32 = 0x1;
    pub(super) const LARGE_FILE: u32 = 0x2;
    pub(super) const HUGE_FILE: u32 = 0x8;
    pub(super) const DIR_NLINK: u32 = 0x20;
    pub(super) const EXTRA_ISIZE: u32 = 0x40;
    pub(super) const METADATA_CSUM: u32 = 0x400;
}

/// `EXT4_DEFM_XATTR_USER | EXT4_DEFM_ACL`, what `mke2fs.conf` sets.
const MOUNT_OPTIONS: u32 = 0x4 | 0x8;
/// `EXT2_FLAGS_SIGNED_HASH`: names are hashed as signed bytes on every machine.
const SIGNED_HASH: u32 = 0x1;

/// The fields that only the finished image has.
pub(crate) struct Totals {
    pub(crate) free_blocks: u64,
    pub(crate) free_inodes: u32,
    /// `i_block` and size of the journal's inode.
    pub(crate) journal: Option<([u8; 60], u64)>,
}

/// The superblock; `group` is where this copy is.
pub(crate) fn encode(
    geometry: &Geometry,
    options: &Options,
    totals: &Totals,
    group: u32,
) -> [u8; SIZE] {
    let mut bytes = [0; SIZE];
    sizes(&mut bytes, geometry, totals);
    let resizable = geometry.reserved_blocks > 0;
    let time = options.epoch as u64;
    bytes.put_lo32(0x30, time); // s_wtime
    bytes.put16(0x36, 0xffff); // s_max_mnt_count: never force a check
    bytes.put16(0x38, 0xef53);
    bytes.put16(0x3a, 1); // s_state: clean
    bytes.put16(0x3c, 1); // s_errors: continue
    bytes.put_lo32(0x40, time); // s_lastcheck
    bytes.put32(0x4c, 1); // s_rev_level: dynamic
    bytes.put32(0x54, node::FIRST_INODE);
    bytes.put16(0x58, inode::SIZE as u16);
    bytes.put16(0x5a, group as u16);
    bytes.put32(
        0x5c,
        compat::EXT_ATTR
            | compat::DIR_INDEX
            | if resizable { compat::RESIZE_INODE } else { 0 }
            | if totals.journal.is_some() {
                compat::HAS_JOURNAL
            } else {
                0
            },
    );
    bytes.put32(
        0x60,
        incompat::FILETYPE | incompat::EXTENTS | incompat::BITS_64 | incompat::FLEX_BG,
    );
    bytes.put32(
        0x64,
        ro_compat::SPARSE_SUPER
            | ro_compat::LARGE_FILE
            | ro_compat::HUGE_FILE
            | ro_compat::DIR_NLINK
            | ro_compat::EXTRA_ISIZE
            | ro_compat::METADATA_CSUM,
    );
    bytes.put(0x68, &options.uuid);
    bytes.put(0x78, options.label.as_bytes());
    bytes.put(0xec, &options.hash_seed);
    bytes.put(0xfc, &[1]); // s_def_hash_version: half MD4
    bytes.put16(0xfe, DESCRIPTOR as u16);
    bytes.put32(0x100, MOUNT_OPTIONS);
    bytes.put_lo32(0x108, time); // s_mkfs_time
    bytes.put16(0x15c, inode::EXTRA); // s_min_extra_isize
    bytes.put16(0x15e, inode::EXTRA); // s_want_extra_isize
    bytes.put32(0x160, SIGNED_HASH);
    bytes.put(0x174, &[geometry.flex_groups().ilog2() as u8]);
    bytes.put(0x175, &[1]); // s_checksum_type: CRC-32C
    let high = (time >> 32) as u8;
    bytes.put(0x274, &[high, 0, high, high]); // of s_wtime, s_mtime, s_mkfs_time, s_lastcheck
    if let Some((root, size)) = &totals.journal {
        bytes.put32(0xe0, journal::INODE);
        bytes.put(0xfd, &[1]); // s_jnl_backup_type: blocks
        bytes.put(0x10c, root); // s_jnl_blocks: i_block, then the size
        bytes.put_hi32(0x10c + 60, *size);
        bytes.put_lo32(0x10c + 64, *size);
    }
    let sum = crc32c(!0, &bytes[..SIZE - 4]);
    bytes.put32(SIZE - 4, sum);
    bytes
}

fn sizes(bytes: &mut [u8; SIZE], geometry: &Geometry, totals: &Totals) {
    let log_block_size = BLOCK.ilog2() - 10;
    bytes.put32(0x00, geometry.inodes_per_group * geometry.groups);
    bytes.put_lo32(0x04, geometry.blocks);
    bytes.put_hi32(0x150, geometry.blocks);
    bytes.put_lo32(0x0c, totals.free_blocks);
    bytes.put_hi32(0x158, totals.free_blocks);
    bytes.put32(0x10, totals.free_inodes);
    bytes.put32(0x18, log_block_size);
    bytes.put32(0x1c, log_block_size); // s_log_cluster_size
    bytes.put32(0x20, GROUP_BLOCKS as u32);
    bytes.put32(0x24, GROUP_BLOCKS as u32); // s_clusters_per_group
    bytes.put32(0x28, geometry.inodes_per_group);
    bytes.put16(0xce, geometry.reserved_blocks as u16);
}

/// Whether the superblock has room for this label: 16 bytes without NUL.
pub(crate) fn holds_label(label: &str) -> bool {
    label.len() <= 16 && !label.contains('\0')
}

/// Whether the superblock can hold this time: 40 bits of seconds since 1970.
pub(crate) fn holds_time(seconds: i64) -> bool {
    (0..1 << 40).contains(&seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits() {
        assert!(holds_label("sixteen-bytes-ok") && !holds_label("seventeen-bytes-x"));
        assert!(holds_time(0) && !holds_time(-1) && !holds_time(1 << 40));
        assert_eq!(crate::resize::SIZE, 4_299_210_752); // what debugfs shows for mke2fs's
    }
}
