//! POSIX ACLs: from the form that `getxattr` shows to the one ext4 stores.

/// `POSIX_ACL_XATTR_VERSION` of `linux/posix_acl_xattr.h`.
const SHOWN_VERSION: u32 = 2;
/// `EXT4_ACL_VERSION` of the kernel's `fs/ext4/acl.h`.
const STORED_VERSION: u32 = 1;
/// `ACL_USER` and `ACL_GROUP`: the entries that carry an id.
const NAMED: [u16; 2] = [0x02, 0x08];
/// All tags of `linux/posix_acl.h`.
const TAGS: [u16; 6] = [0x01, 0x02, 0x04, 0x08, 0x10, 0x20];

/// The stored form of `system.posix_acl_access` or `system.posix_acl_default`; `None` if it is malformed.
///
/// ext4 leaves out the id of entries that have none.
pub(crate) fn stored(shown: &[u8]) -> Option<Vec<u8>> {
    let (version, entries) = shown.split_first_chunk::<4>()?;
    if u32::from_le_bytes(*version) != SHOWN_VERSION || entries.len() % 8 != 0 {
        return None;
    }
    let mut stored = STORED_VERSION.to_le_bytes().to_vec();
    for entry in entries.chunks_exact(8) {
        let tag = u16::from_le_bytes([entry[0], entry[1]]);
        if !TAGS.contains(&tag) {
            return None;
        }
        let length = if NAMED.contains(&tag) { 8 } else { 4 };
        stored.extend_from_slice(&entry[..length]);
    }
    Some(stored)
}

#[cfg(test)]
mod tests {
    use super::stored;

    #[test]
    fn only_named_entries_keep_their_id() {
        let shown = [
            &[2, 0, 0, 0][..],
            &[1, 0, 7, 0, 255, 255, 255, 255],
            &[2, 0, 4, 0, 0xe8, 3, 0, 0],
        ]
        .concat();
        let expected = [
            &[1, 0, 0, 0][..],
            &[1, 0, 7, 0],
            &[2, 0, 4, 0, 0xe8, 3, 0, 0],
        ]
        .concat();
        assert_eq!(stored(&shown), Some(expected));
    }

    #[test]
    fn malformed_lists_are_refused() {
        assert_eq!(stored(&[]), None);
        assert_eq!(stored(&[1, 0, 0, 0]), None);
        assert_eq!(stored(&[2, 0, 0, 0, 1]), None);
        assert_eq!(stored(&[2, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]), None);
    }
}
