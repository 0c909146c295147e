//! The working set: which pages a guest touched when it was resumed first, in that order.
//!
//! It is a file beside the snapshot, written once and read by every later resume. Losing it costs time only, so
//! whatever is wrong with it makes it empty.

use std::io::Read;
use std::path::Path;

use kindling_base::{Result, files};

/// Its name in a snapshot's folder.
pub(super) const FILE: &str = "working-set";

/// Bytes of its head: name and version of the format.
const MAGIC: &[u8; 8] = b"KDLWSET1";

/// A working set of more than this is no longer one: 4 GiB of ordinary pages.
const PAGES: usize = 1 << 20;

/// Reads the offsets in the memory file of `length` bytes; `None` where nothing was recorded yet. What is not the offset
/// of a whole page is left out.
pub(super) fn read(snapshot: &Path, page: u64, length: u64) -> Option<Vec<u64>> {
    let file = files::open(&snapshot.join(FILE)).ok()?;
    let mut bytes = Vec::new();
    let most = (MAGIC.len() + 8 * PAGES) as u64;
    file.take(most).read_to_end(&mut bytes).ok()?;
    parse(&bytes, page, length)
}

fn parse(bytes: &[u8], page: u64, length: u64) -> Option<Vec<u64>> {
    let offsets = bytes.strip_prefix(MAGIC)?.chunks_exact(8);
    let offsets = offsets.map(|bytes| {
        let mut offset = [0; 8];
        offset.copy_from_slice(bytes);
        u64::from_le_bytes(offset)
    });
    let whole = |offset: &u64| {
        offset.is_multiple_of(page) && offset.checked_add(page).is_some_and(|end| end <= length)
    };
    Some(offsets.filter(whole).collect())
}

/// Writes it at once.
///
/// # Errors
/// The snapshot's folder cannot be written.
pub(super) fn write(snapshot: &Path, offsets: &[u64]) -> Result<()> {
    let offsets = &offsets[..offsets.len().min(PAGES)];
    let mut bytes = MAGIC.to_vec();
    bytes.extend(offsets.iter().flat_map(|offset| offset.to_le_bytes()));
    files::write_atomic(&snapshot.join(FILE), &bytes, 0o600)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_written_is_read_in_its_order() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(folder.path(), 4096, 1 << 20), None);
        write(folder.path(), &[8192, 0, 4096, 5, 1 << 20]).unwrap();
        assert_eq!(
            read(folder.path(), 4096, 1 << 20),
            Some(vec![8192, 0, 4096])
        );
    }

    proptest! {
        #[test]
        fn any_bytes_name_pages_of_the_file_or_none(mut bytes: Vec<u8>, headed: bool, length: u64) {
            if headed {
                bytes.splice(0..0, *MAGIC);
            }
            let pages = parse(&bytes, 4096, length);
            prop_assert_eq!(pages.is_some(), bytes.starts_with(MAGIC));
            prop_assert!(pages.unwrap_or_default().iter().all(|p| p % 4096 == 0 && p + 4096 <= length));
        }
    }
}
