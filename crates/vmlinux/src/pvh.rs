//! The check that a microVM monitor can start a kernel.

use std::path::Path;

use kindling_base::{Error, Result, files};

use crate::elf::{Fault, PT_LOAD, PT_NOTE, check_header, segments, u32_at};

/// The type of the note, of owner `Xen`, that holds the 32-bit entry point: `XEN_ELFNOTE_PHYS32_ENTRY` of
/// Linux's include/xen/interface/elfnote.h.
const PHYS32_ENTRY: u32 = 18;

/// Checks that a file is an x86-64 ELF kernel with a PVH entry point, and returns that physical address.
///
/// # Errors
/// The file cannot be read, or a monitor would refuse it: the user error says what it is instead.
pub fn check(path: &Path) -> Result<u32> {
    pvh_entry(&files::read(path)?).map_err(|fault| refused(path, fault))
}

/// The error for a file that no microVM monitor can start.
pub fn refused(path: &Path, fault: Fault) -> Error {
    let hint = match fault {
        Fault::BzImage => {
            "take the `vmlinux` of the same build (Linux's scripts/extract-vmlinux unpacks it)"
        }
        Fault::NoPvh => "build the kernel with CONFIG_PVH=y",
        _ => "give the `vmlinux` of an x86-64 build, or build the kernel again",
    };
    Error::user(format!("{} is not a kernel for a microVM", path.display()))
        .because(fault)
        .hint(hint)
}

/// The physical address at which a PVH monitor enters the kernel.
fn pvh_entry(image: &[u8]) -> Result<u32, Fault> {
    check_header(image)?;
    let segments = segments(image)?;
    let mut entry = None;
    for notes in segments.iter().filter(|s| s.kind == PT_NOTE) {
        entry = entry.or(entry_note(notes.data)?);
    }
    let entry = entry.ok_or(Fault::NoPvh)?;
    let address = u64::from(entry);
    let mut loaded = segments.iter().filter(|s| s.kind == PT_LOAD);
    match loaded.any(|s| address >= s.physical && address - s.physical < s.data.len() as u64) {
        true => Ok(entry),
        false => Err(Fault::EntryOutside(entry)),
    }
}

/// Finds the entry point among ELF notes: name size, description size, type, name, description, the last
/// two padded to 4 bytes.
fn entry_note(mut notes: &[u8]) -> Result<Option<u32>, Fault> {
    while !notes.is_empty() {
        let name_size = u32_at(notes, 0)? as usize;
        let description_size = u32_at(notes, 4)? as usize;
        let kind = u32_at(notes, 8)?;
        let name_end = name_size.checked_add(12).ok_or(Fault::Damaged)?;
        let name = notes.get(12..name_end).ok_or(Fault::Damaged)?;
        let description = notes
            .get(name_end.next_multiple_of(4)..)
            .ok_or(Fault::Damaged)?;
        if name == b"Xen\0" && kind == PHYS32_ENTRY {
            // Linux writes a word of the kernel's own size; the upper half of it is zero.
            return u32_at(description, 0).map(Some);
        }
        let padded = description_size
            .checked_next_multiple_of(4)
            .ok_or(Fault::Damaged)?;
        notes = description.get(padded..).unwrap_or_default(); // the last one may lack its padding
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use kindling_testkit::kernel;
    use proptest::prelude::*;

    #[test]
    fn the_entry_point_is_found() {
        assert_eq!(pvh_entry(&kernel(PHYS32_ENTRY, 0x10_0020)), Ok(0x10_0020));
    }

    #[test]
    fn what_a_monitor_refuses_is_named() {
        let mut boot_sector = vec![0; 0x400];
        boot_sector[..2].copy_from_slice(b"MZ");
        boot_sector[0x202..0x206].copy_from_slice(b"HdrS");
        assert_eq!(pvh_entry(&boot_sector), Err(Fault::BzImage));
        assert_eq!(pvh_entry(b""), Err(Fault::NotElf));
        assert_eq!(pvh_entry(b"\x1f\x8b\x08"), Err(Fault::NotElf));
        let mut arm = kernel(PHYS32_ENTRY, 0x10_0020);
        arm[18] = 183;
        assert_eq!(pvh_entry(&arm), Err(Fault::OtherElf));
        assert_eq!(pvh_entry(&kernel(5, 0x10_0020)), Err(Fault::NoPvh));
        assert_eq!(
            pvh_entry(&kernel(PHYS32_ENTRY, 0x20_0000)),
            Err(Fault::EntryOutside(0x20_0000))
        );
        let whole = kernel(PHYS32_ENTRY, 0x10_0020);
        assert_eq!(pvh_entry(&whole[..100]), Err(Fault::Damaged));
    }

    #[test]
    fn the_report_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vmlinuz");
        std::fs::write(&path, kernel(5, 0)).unwrap();
        let report = check(&path).unwrap_err().report();
        assert_snapshot!(report.replace(&folder.path().display().to_string(), "DIR"), @r"
        error: DIR/vmlinuz is not a kernel for a microVM
          because: it has no PVH entry point (a Xen note of type 18)
        hint: build the kernel with CONFIG_PVH=y
        ");
    }

    proptest! {
        #[test]
        fn damaged_headers_never_panic(edits in prop::collection::vec((0usize..200, any::<u8>()), 1..12), length in 0usize..200) {
            let mut image = kernel(PHYS32_ENTRY, 0x10_0020);
            for (at, byte) in edits {
                if let Some(target) = image.get_mut(at) {
                    *target = byte;
                }
            }
            let _ = pvh_entry(&image);
            let _ = pvh_entry(&image[..length.min(image.len())]);
        }
    }
}
