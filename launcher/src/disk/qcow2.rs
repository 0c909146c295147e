//! An empty qcow2 overlay: the few bytes that make a copy-on-write disk out of a read-only image.
//!
//! Format: `docs/interop/qcow2.txt` of QEMU, version 3. The file is four clusters: header, refcount table, one
//! refcount block and the L1 table; every read falls through to the backing file until the guest writes.

use super::Format;

/// Bytes of a cluster, QEMU's default.
const CLUSTER_BITS: u32 = 16;
const CLUSTER: u64 = 1 << CLUSTER_BITS;
/// Header of version 3 without optional fields.
const HEADER_LENGTH: u32 = 104;
/// Header extension that names the format of the backing file, so that QEMU does not guess it from guest data.
const BACKING_FORMAT: u32 = 0xe279_2aca;
/// Guest bytes that one L1 entry covers: a cluster of 8-byte L2 entries, a cluster each.
const L1_COVERS: u64 = CLUSTER / 8 * CLUSTER;

/// The largest disk whose L1 table fits in its one cluster: 4 TiB.
pub(crate) const LARGEST: u64 = CLUSTER / 8 * L1_COVERS;

/// The bytes of an overlay of `size` bytes (rounded up to whole sectors) over the image `backing` of this format, a path
/// as seen from the overlay's folder. `None` if it is larger than [`LARGEST`] or the name is longer than 1023 bytes.
pub(crate) fn overlay(size: u64, backing: &[u8], format: Format) -> Option<Vec<u8>> {
    let size = size.checked_next_multiple_of(512)?;
    let name_length = u32::try_from(backing.len()).ok().filter(|n| *n <= 1023)?;
    if size > LARGEST {
        return None;
    }
    let l1_entries = u32::try_from(size.div_ceil(L1_COVERS)).ok()?;
    let mut file = Vec::with_capacity(4 * CLUSTER as usize);
    let name = format.name().as_bytes();
    let mut padded = [0; 8]; // to a multiple of 8
    padded.get_mut(..name.len())?.copy_from_slice(name);
    let extensions: [&[u8]; 5] = [
        &BACKING_FORMAT.to_be_bytes(),
        &(name.len() as u32).to_be_bytes(),
        &padded,
        &0u32.to_be_bytes(),
        &0u32.to_be_bytes(), // end of the extensions
    ];
    let extensions = extensions.concat();
    let name_offset = u64::from(HEADER_LENGTH) + extensions.len() as u64;

    file.extend_from_slice(b"QFI\xfb");
    file.extend_from_slice(&3u32.to_be_bytes()); // version
    file.extend_from_slice(&name_offset.to_be_bytes());
    file.extend_from_slice(&name_length.to_be_bytes());
    file.extend_from_slice(&CLUSTER_BITS.to_be_bytes());
    file.extend_from_slice(&size.to_be_bytes());
    file.extend_from_slice(&0u32.to_be_bytes()); // no encryption
    file.extend_from_slice(&l1_entries.to_be_bytes());
    file.extend_from_slice(&(3 * CLUSTER).to_be_bytes()); // L1 table
    file.extend_from_slice(&CLUSTER.to_be_bytes()); // refcount table
    file.extend_from_slice(&1u32.to_be_bytes()); // its clusters
    file.extend_from_slice(&[0; 4 + 8]); // no snapshots
    file.extend_from_slice(&[0; 3 * 8]); // no incompatible, compatible or autoclear features
    file.extend_from_slice(&4u32.to_be_bytes()); // refcounts of 1 << 4 bits
    file.extend_from_slice(&HEADER_LENGTH.to_be_bytes());
    file.extend_from_slice(&extensions);
    file.extend_from_slice(backing);

    file.resize(CLUSTER as usize, 0);
    file.extend_from_slice(&(2 * CLUSTER).to_be_bytes()); // the refcount block
    file.resize(2 * CLUSTER as usize, 0);
    for _ in 0..4 {
        file.extend_from_slice(&1u16.to_be_bytes()); // each of the four clusters is used once
    }
    file.resize(4 * CLUSTER as usize, 0); // an empty L1 table
    Some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_stand_where_the_format_says() {
        let file = overlay(1000, b"rootfs.base", Format::Raw).unwrap();
        let word = |at: usize| u32::from_be_bytes(file[at..at + 4].try_into().unwrap());
        let long = |at: usize| u64::from_be_bytes(file[at..at + 8].try_into().unwrap());
        assert_eq!((word(4), word(20), long(24)), (3, 16, 1024));
        assert_eq!((word(36), long(40), long(48)), (1, 0x30000, 0x10000));
        assert_eq!((word(96), word(100)), (4, 104));
        let name = long(8) as usize;
        assert_eq!(&file[name..name + word(16) as usize], b"rootfs.base");
        assert_eq!(file.len(), 4 << 16);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(overlay(LARGEST, b"x", Format::Qcow2).is_some());
        assert!(overlay(LARGEST + 1, b"x", Format::Raw).is_none());
        assert!(overlay(u64::MAX, b"x", Format::Raw).is_none());
        assert!(overlay(1, &[b'x'; 1024], Format::Raw).is_none());
    }
}
