//! The mappings of the guest's memory, which Firecracker sends with the descriptor.

use serde::Deserialize;
use thiserror::Error;

/// Regions of guest memory: Firecracker has one below and one above the gap at 3 GiB, and one for hot-plugged memory.
const REGIONS: usize = 64;

/// A page in bytes, of ordinary memory and of huge pages.
const PAGE_SIZES: [u64; 2] = [4096, 2 << 20];

/// The regions of one guest's memory, in the order of the memory file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mappings {
    regions: Vec<Region>,
    page: u64,
}

/// A region as Firecracker writes it (`GuestRegionUffdMapping` of `src/vmm/src/persist.rs`). Its `page_size_kib`, which
/// is in bytes too, is deprecated and left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
struct Region {
    base_host_virt_addr: u64,
    size: u64,
    offset: u64,
    #[serde(default = "ordinary_page")]
    page_size: u64,
}

fn ordinary_page() -> u64 {
    PAGE_SIZES[0]
}

#[derive(Debug, Error)]
pub(super) enum Malformed {
    #[error("they are not JSON of mappings")]
    Json(#[from] serde_json::Error),
    #[error("they are {0}, more than {REGIONS}")]
    Many(usize),
    #[error("there are none")]
    None,
    #[error("a page has {0} bytes")]
    Page(u64),
    #[error("a region's address, size or offset is not of whole pages or leaves the address space")]
    Region,
    #[error("they need {needed} bytes of memory, the memory file has {found}")]
    Length { needed: u64, found: u64 },
}

impl Mappings {
    /// Parses the message; `None` while it is not whole.
    ///
    /// # Errors
    /// It is not what Firecracker sends, or does not fit a memory file of `length` bytes.
    pub(super) fn parse(message: &[u8], length: u64) -> Result<Option<Self>, Malformed> {
        let regions: Vec<Region> = match serde_json::from_slice(message) {
            Ok(regions) => regions,
            Err(error) if error.is_eof() => return Ok(None),
            Err(error) => return Err(error.into()),
        };
        let first = regions.first().ok_or(Malformed::None)?;
        if regions.len() > REGIONS {
            return Err(Malformed::Many(regions.len()));
        }
        let page = first.page_size;
        if !PAGE_SIZES.contains(&page) {
            return Err(Malformed::Page(page));
        }
        let mut needed = 0;
        for region in &regions {
            let whole = [region.base_host_virt_addr, region.size, region.offset];
            let end = region.base_host_virt_addr.checked_add(region.size);
            let file_end = region.offset.checked_add(region.size);
            match (end, file_end) {
                (Some(_), Some(file_end))
                    if region.page_size == page
                        && region.size > 0
                        && whole.iter().all(|n| n.is_multiple_of(page)) =>
                {
                    needed = needed.max(file_end);
                }
                _ => return Err(Malformed::Region),
            }
        }
        if needed > length {
            return Err(Malformed::Length {
                needed,
                found: length,
            });
        }
        Ok(Some(Self { regions, page }))
    }

    /// Bytes of a page.
    pub(super) fn page(&self) -> u64 {
        self.page
    }

    /// The page that holds this address: where it begins, and its offset in the memory file.
    pub(super) fn page_of(&self, address: u64) -> Option<(u64, u64)> {
        let start = address - address % self.page;
        let region = self.regions.iter().find(|region| region.holds(start))?;
        Some((start, region.offset + (start - region.base_host_virt_addr)))
    }

    /// The address of the page at this offset of the memory file, and the bytes from there on that are one piece of memory.
    pub(super) fn address_of(&self, offset: u64) -> Option<(u64, u64)> {
        let within =
            |region: &&Region| (region.offset..region.offset + region.size).contains(&offset);
        let region = self.regions.iter().find(within)?;
        let inside = offset - region.offset;
        offset
            .is_multiple_of(self.page)
            .then_some((region.base_host_virt_addr + inside, region.size - inside))
    }
}

impl Region {
    fn holds(&self, address: u64) -> bool {
        address
            .checked_sub(self.base_host_virt_addr)
            .is_some_and(|inside| inside < self.size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIB: u64 = 1 << 20;

    /// As 1.16.1 sends it for a guest of 4 GiB.
    const SENT: &[u8] = br#"[{"base_host_virt_addr":140000000000000,"size":3221225472,"offset":0,"page_size":4096,"page_size_kib":4096},{"base_host_virt_addr":139000000004096,"size":1073741824,"offset":3221225472,"page_size":4096,"page_size_kib":4096}]"#;

    fn parsed(text: &str, length: u64) -> Result<Option<Mappings>, Malformed> {
        Mappings::parse(text.as_bytes(), length)
    }

    #[test]
    fn addresses_and_offsets_find_each_other() {
        let text = r#"[{"base_host_virt_addr":1048576,"size":8192,"offset":0,"page_size":4096},
                       {"base_host_virt_addr":4194304,"size":4096,"offset":8192,"page_size":4096}]"#;
        let mappings = parsed(text, 12288).unwrap().unwrap();
        assert_eq!(mappings.page_of(MIB + 5000), Some((MIB + 4096, 4096)));
        assert_eq!(mappings.page_of(4 * MIB), Some((4 * MIB, 8192)));
        assert_eq!(mappings.page_of(MIB + 8192), None);
        assert_eq!(mappings.page_of(0), None);
        assert_eq!(mappings.address_of(4096), Some((MIB + 4096, 4096)));
        assert_eq!(mappings.address_of(0), Some((MIB, 8192)));
        assert_eq!(mappings.address_of(8192), Some((4 * MIB, 4096)));
        assert_eq!(mappings.address_of(100), None);
        assert_eq!(mappings.address_of(12288), None);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        assert!(matches!(parsed("[]", MIB), Err(Malformed::None)));
        let region = |page: u64, size: u64| {
            format!(
                r#"[{{"base_host_virt_addr":4096,"size":{size},"offset":0,"page_size":{page}}}]"#
            )
        };
        assert!(matches!(
            parsed(&region(3, 4096), MIB),
            Err(Malformed::Page(3))
        ));
        assert!(matches!(
            parsed(&region(4096, 5), MIB),
            Err(Malformed::Region)
        ));
        assert!(matches!(
            parsed(&region(4096, u64::MAX - 4095), MIB),
            Err(Malformed::Region)
        ));
        let short = parsed(&region(4096, 8192), 4096).unwrap_err();
        assert_eq!(
            short.to_string(),
            "they need 8192 bytes of memory, the memory file has 4096"
        );
        // Before 1.10 there was no `page_size`.
        let old = r#"[{"base_host_virt_addr":4096,"size":4096,"offset":0}]"#;
        assert_eq!(parsed(old, 4096).unwrap().unwrap().page(), 4096);
    }

    proptest! {
        #[test]
        fn a_beginning_is_not_whole(cut in 0usize..SENT.len()) {
            prop_assert!(Mappings::parse(&SENT[..cut], 4 << 30).unwrap().is_none());
            prop_assert!(Mappings::parse(SENT, 4 << 30).unwrap().is_some());
        }

        #[test]
        fn any_bytes_are_mappings_or_refused(bytes: Vec<u8>, length: u64) {
            let _ = Mappings::parse(&bytes, length);
        }

        #[test]
        fn any_regions_stay_within_the_file(
            regions in proptest::collection::vec((any::<u64>(), any::<u64>(), any::<u64>()), 1..4),
            whole: bool,
            length: u64,
            address: u64,
        ) {
            let round = |n: u64| if whole { n & !4095 } else { n };
            let text: Vec<String> = regions.iter().map(|(base, size, offset)| format!(
                r#"{{"base_host_virt_addr":{},"size":{},"offset":{},"page_size":4096}}"#,
                round(*base), round(*size >> 20), round(*offset >> 8),
            )).collect();
            if let Ok(Some(mappings)) = parsed(&format!("[{}]", text.join(",")), length) {
                for (base, _, offset) in &regions {
                    for address in [address, round(*base)] {
                        if let Some((start, at)) = mappings.page_of(address) {
                            prop_assert!(start <= address && at + 4096 <= length);
                        }
                    }
                    if let Some((_, run)) = mappings.address_of(round(*offset >> 8)) {
                        prop_assert!(round(*offset >> 8) + run <= length);
                    }
                }
            }
        }
    }
}
