//! The checksum of ext4's `metadata_csum`.

/// CRC-32C without the final inversion, continued from `seed`: the kernel's `ext4_chksum`.
///
/// The first call of a chain starts from `!0`.
pub(crate) fn crc32c(seed: u32, bytes: &[u8]) -> u32 {
    !crc32c::crc32c_append(!seed, bytes)
}

/// The seed of every checksum of a file system: `s_csum_seed`, the CRC of its UUID.
pub(crate) fn file_system_seed(uuid: &[u8; 16]) -> u32 {
    crc32c(!0, uuid)
}

/// The seed of the checksums of an inode and of its directory and extent blocks: `i_csum_seed`.
pub(crate) fn inode_seed(file_system: u32, inode: u32, generation: u32) -> u32 {
    crc32c(
        crc32c(file_system, &inode.to_le_bytes()),
        &generation.to_le_bytes(),
    )
}

#[cfg(test)]
mod tests {
    use super::crc32c;

    #[test]
    fn known_answer() {
        // RFC 3720, B.4: 32 bytes of zeros; the final inversion is the caller's here.
        assert_eq!(!crc32c(!0, &[0; 32]), 0x8a91_36aa);
        let whole = crc32c(!0, b"123456789");
        assert_eq!(crc32c(crc32c(!0, b"1234"), b"56789"), whole);
    }
}
