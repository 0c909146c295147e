//! The identity of a partition: `PARTUUID` of GPT and MBR disks.

use core::fmt::Write;

use arrayvec::ArrayString;

use crate::bytes::array;
use crate::filesystem::big_endian_uuid;

/// A PARTUUID as text: a GUID, or an MBR disk signature and a partition number.
pub type PartUuid = ArrayString<36>;

/// Bytes of an MBR.
const MBR_BYTES: usize = 512;

/// The partition type that marks a GPT disk in its protective MBR (UEFI specification, 5.2.3).
const GPT_PROTECTIVE: u8 = 0xee;

/// The PARTUUID of partition `number` (from 1) of a disk with sectors of `sector` bytes.
///
/// `read` fills the whole buffer from an offset in bytes and says whether it could. The kernel has already checked the
/// table's checksums when it made the partition; only the primary header is read.
pub fn partuuid(
    mut read: impl FnMut(u64, &mut [u8]) -> bool,
    sector: u64,
    number: u32,
) -> Option<PartUuid> {
    let mut mbr = [0; MBR_BYTES];
    if number == 0 || !read(0, &mut mbr) || array(&mbr, 510) != Some([0x55, 0xaa]) {
        return None;
    }
    // Four entries of 16 bytes begin at 446; the type is the fifth byte of each.
    let types = [450, 466, 482, 498];
    if types.iter().any(|&at| mbr.get(at) == Some(&GPT_PROTECTIVE)) {
        return gpt(read, sector, number);
    }
    let signature = u32::from_le_bytes(array(&mbr, 0x1b8)?);
    let mut text = PartUuid::new();
    write!(text, "{signature:08x}-{number:02x}").ok()?;
    Some(text)
}

/// The unique GUID of a GPT entry; offsets from the UEFI specification, tables 5.5 and 5.6.
fn gpt(mut read: impl FnMut(u64, &mut [u8]) -> bool, sector: u64, number: u32) -> Option<PartUuid> {
    let mut header = [0; 92];
    if !read(sector, &mut header) || !header.starts_with(b"EFI PART") {
        return None;
    }
    let table = u64::from_le_bytes(array(&header, 72)?);
    let entries = u32::from_le_bytes(array(&header, 80)?);
    let size = u32::from_le_bytes(array(&header, 84)?);
    if number > entries || size < 128 {
        return None;
    }
    let offset = table
        .checked_mul(sector)?
        .checked_add(u64::from(number - 1) * u64::from(size))?;
    let mut entry = [0; 32];
    if !read(offset, &mut entry) || array(&entry, 0) == Some([0; 16]) {
        return None; // a zero type is an unused entry
    }
    let mut guid: [u8; 16] = array(&entry, 16)?;
    // The first three fields are little-endian (UEFI specification, appendix A).
    guid.get_mut(0..4)?.reverse();
    guid.get_mut(4..6)?.reverse();
    guid.get_mut(6..8)?.reverse();
    Some(big_endian_uuid(guid))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn reader(disk: &[u8]) -> impl FnMut(u64, &mut [u8]) -> bool + '_ {
        |offset, buffer| {
            let bytes = usize::try_from(offset)
                .ok()
                .and_then(|at| disk.get(at..at.checked_add(buffer.len())?));
            bytes.map(|bytes| buffer.copy_from_slice(bytes)).is_some()
        }
    }

    /// A table as sgdisk makes it: one entry in slot 2.
    fn gpt_disk(sector: usize) -> Vec<u8> {
        let mut disk = vec![0; sector * 8];
        disk[450] = GPT_PROTECTIVE;
        disk[510..512].copy_from_slice(&[0x55, 0xaa]);
        let header = &mut disk[sector..];
        header[..8].copy_from_slice(b"EFI PART");
        header[72] = 2;
        header[80] = 4;
        header[84] = 128;
        let entry = &mut disk[2 * sector + 128..];
        entry[..16].copy_from_slice(&[0xaf; 16]);
        entry[16..32].copy_from_slice(&[
            0x67, 0x45, 0x23, 0x01, 0xab, 0x89, 0xef, 0xcd, 0x01, 0x02, 3, 4, 5, 6, 7, 8,
        ]);
        disk
    }

    #[test]
    fn a_guid_has_three_little_endian_fields() {
        for sector in [512, 4096] {
            let disk = gpt_disk(sector);
            let found = partuuid(reader(&disk), sector as u64, 2).unwrap();
            assert_eq!(found.as_str(), "01234567-89ab-cdef-0102-030405060708");
            assert_eq!(partuuid(reader(&disk), sector as u64, 1), None);
            assert_eq!(partuuid(reader(&disk), sector as u64, 5), None);
        }
    }

    #[test]
    fn an_mbr_has_a_signature_and_a_number() {
        let mut disk = vec![0; 512];
        disk[0x1b8..0x1bc].copy_from_slice(&0x1234_abcd_u32.to_le_bytes());
        assert_eq!(partuuid(reader(&disk), 512, 1), None);
        disk[510..512].copy_from_slice(&[0x55, 0xaa]);
        let text = |number| partuuid(reader(&disk), 512, number).unwrap().to_string();
        assert_eq!(text(1), "1234abcd-01");
        assert_eq!(text(10), "1234abcd-0a");
    }

    proptest! {
        #[test]
        fn any_disk_is_fine(
            mut disk in proptest::collection::vec(any::<u8>(), 0..5000),
            fixes in proptest::collection::vec(any::<bool>(), 3),
            number in any::<u32>(),
            sector in prop_oneof![Just(512u64), Just(4096), any::<u64>()],
        ) {
            // Steer some cases past each check, so that the inner ones see random bytes too.
            if disk.len() > 1024 {
                if fixes[0] { disk[510..512].copy_from_slice(&[0x55, 0xaa]); }
                if fixes[1] { disk[450] = GPT_PROTECTIVE; }
                if fixes[2] { disk[512..520].copy_from_slice(b"EFI PART"); }
            }
            partuuid(reader(&disk), sector, number);
        }
    }
}
