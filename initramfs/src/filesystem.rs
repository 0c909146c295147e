//! Recognises file systems by the first bytes of a block device.

use core::fmt::Write;

use arrayvec::{ArrayString, ArrayVec};

use crate::bytes::array;

/// As many bytes of a device as [`identify`] looks at: the last magic number is that of btrfs at 64 KiB.
pub const HEAD_BYTES: usize = 68 << 10;

/// Magic numbers of file systems: name, offset in bytes, magic.
///
/// From `include/uapi/linux/magic.h` and the on-disk headers of the kernel's `fs/` folders. ext2 and ext3 are `ext4`
/// here, because that is the driver which mounts them.
const MAGICS: [(&str, usize, &[u8]); 10] = [
    ("ext4", EXT_SUPERBLOCK + 0x38, b"\x53\xef"),
    ("xfs", 0, b"XFSB"),
    ("squashfs", 0, b"hsqs"),
    ("erofs", 1024, b"\xe2\xe1\xf5\xe0"),
    ("btrfs", 0x10040, b"_BHRfS_M"),
    ("iso9660", 0x8001, b"CD001"),
    ("f2fs", 1024, b"\x10\x20\xf5\xf2"),
    ("swap", 4086, b"SWAPSPACE2"),
    ("vfat", 82, b"FAT32   "),
    ("vfat", 54, b"FAT1"),
];

/// The ext4 superblock begins 1024 bytes into the device, whatever the block size.
const EXT_SUPERBLOCK: usize = 1024;

/// A file system that was recognised. UUID and label are read from ext4 only, the one that `root=` can name by them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filesystem {
    /// The name that mount(2) takes.
    pub kind: &'static str,
    uuid: Option<ArrayString<36>>,
    label: ArrayVec<u8, 16>,
}

impl Filesystem {
    /// The UUID, lowercase with dashes.
    pub fn uuid(&self) -> Option<&str> {
        self.uuid.as_deref()
    }

    /// The label, if it has one.
    pub fn label(&self) -> Option<&[u8]> {
        Some(self.label.as_slice()).filter(|label| !label.is_empty())
    }
}

/// Recognises a file system by the first [`HEAD_BYTES`] of its device, or fewer where the device is smaller.
pub fn identify(head: &[u8]) -> Option<Filesystem> {
    let (kind, ..) = MAGICS.into_iter().find(|(_, at, magic)| {
        head.get(*at..)
            .is_some_and(|bytes| bytes.starts_with(magic))
    })?;
    let mut filesystem = Filesystem {
        kind,
        uuid: None,
        label: ArrayVec::new(),
    };
    if kind == "ext4" {
        // struct ext4_super_block, fs/ext4/ext4.h: s_uuid at 0x68, s_volume_name at 0x78.
        filesystem.uuid = array::<16>(head, EXT_SUPERBLOCK + 0x68).map(big_endian_uuid);
        let label = array::<16>(head, EXT_SUPERBLOCK + 0x78).unwrap_or_default();
        filesystem.label = label.into_iter().take_while(|&byte| byte != 0).collect();
    }
    Some(filesystem)
}

/// The text of 16 bytes as RFC 9562 orders them.
pub(crate) fn big_endian_uuid(bytes: [u8; 16]) -> ArrayString<36> {
    let mut text = ArrayString::new();
    for (index, byte) in bytes.iter().enumerate() {
        let dash = if matches!(index, 4 | 6 | 8 | 10) {
            "-"
        } else {
            ""
        };
        let _ = write!(text, "{dash}{byte:02x}"); // 32 digits and 4 dashes always fit
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn ext4(uuid: [u8; 16], label: &[u8]) -> Vec<u8> {
        let mut head = vec![0; 4096];
        head[1024 + 0x38..][..2].copy_from_slice(b"\x53\xef");
        head[1024 + 0x68..][..16].copy_from_slice(&uuid);
        head[1024 + 0x78..][..label.len()].copy_from_slice(label);
        head
    }

    #[test]
    fn an_ext4_has_a_uuid_and_a_label() {
        let found = identify(&ext4(*b"\x01\x23\x45\x67\x89\xab\xcd\xef0123abcd", b"root")).unwrap();
        assert_eq!(found.kind, "ext4");
        assert_eq!(found.uuid(), Some("01234567-89ab-cdef-3031-323361626364"));
        assert_eq!(found.label(), Some(&b"root"[..]));
    }

    #[test]
    fn what_mke2fs_writes_is_read() {
        let folder = std::env::temp_dir().join(format!("kindling-init-{}", std::process::id()));
        let made = std::process::Command::new("mke2fs")
            .args(["-q", "-F", "-t", "ext4", "-L", "sixteen-letters-"])
            .args(["-U", "6b1f2c0e-0000-4000-8000-00000000abcd"])
            .arg(&folder)
            .arg("1M")
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .status();
        if !made.is_ok_and(|status| status.success()) {
            println!("skipped: no mke2fs here");
            return;
        }
        let head = std::fs::read(&folder).unwrap();
        std::fs::remove_file(&folder).unwrap();
        let found = identify(&head).unwrap();
        assert_eq!(found.uuid(), Some("6b1f2c0e-0000-4000-8000-00000000abcd"));
        assert_eq!(found.label(), Some(&b"sixteen-letters-"[..]));
    }

    #[test]
    fn every_magic_is_inside_the_head() {
        for (kind, at, magic) in MAGICS {
            let mut head = vec![0; HEAD_BYTES];
            head[at..][..magic.len()].copy_from_slice(magic);
            assert_eq!(identify(&head).unwrap().kind, kind);
        }
        assert_eq!(identify(&[0; HEAD_BYTES]), None);
        assert_eq!(identify(b""), None);
    }

    proptest! {
        #[test]
        fn any_bytes_are_fine(head in proptest::collection::vec(any::<u8>(), 0..3000)) {
            identify(&head);
        }

        #[test]
        fn a_superblock_cut_anywhere_is_fine(cut in 0usize..4096) {
            identify(&ext4([0xff; 16], b"label")[..cut]);
        }

        #[test]
        fn a_label_comes_back(label in proptest::collection::vec(1u8.., 0..=16)) {
            let found = identify(&ext4([1; 16], &label)).unwrap();
            prop_assert_eq!(found.label().unwrap_or_default(), &label[..]);
        }
    }
}
