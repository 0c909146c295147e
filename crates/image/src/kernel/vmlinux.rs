//! Is this file a kernel that a microVM monitor can start?

use std::path::Path;

use kindling_base::{Error, Result, files};
use thiserror::Error as ThisError;

/// `e_machine` of x86-64 (System V ABI, AMD64 supplement).
const EM_X86_64: u16 = 62;
/// `e_type` of a program linked to fixed addresses.
const ET_EXEC: u16 = 2;
/// Program header types, elf(5).
const PT_LOAD: u32 = 1;
const PT_NOTE: u32 = 4;
/// Size of a program header of ELF64.
const PROGRAM_HEADER: usize = 56;
/// The type of the note, of owner `Xen`, that holds the 32-bit entry point: `XEN_ELFNOTE_PHYS32_ENTRY` of
/// Linux's include/xen/interface/elfnote.h.
const PHYS32_ENTRY: u32 = 18;

/// Checks that a file is an x86-64 ELF kernel with a PVH entry point, and returns that physical address.
///
/// # Errors
/// The file cannot be read, or a monitor would refuse it: the user error says what it is instead.
pub fn check_vmlinux(path: &Path) -> Result<u32> {
    pvh_entry(&files::read(path)?).map_err(|fault| {
        let hint = fault.hint();
        Error::user(format!("{} is not a kernel for a microVM", path.display()))
            .because(fault)
            .hint(hint)
    })
}

/// Why a file is no PVH kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ThisError)]
enum Fault {
    #[error(
        "it is a bzImage, a compressed kernel behind a boot sector; an ELF `vmlinux` is needed"
    )]
    BzImage,
    #[error("it is not an ELF file")]
    NotElf,
    #[error("it is an ELF file, but not a 64-bit little-endian x86-64 executable")]
    OtherElf,
    #[error("it is cut short or damaged: a header points outside of the file")]
    Damaged,
    #[error("it has no PVH entry point (a Xen note of type 18)")]
    NoPvh,
    #[error("its PVH entry point {0:#x} lies in none of its loaded segments")]
    EntryOutside(u32),
}

impl Fault {
    fn hint(self) -> &'static str {
        match self {
            Self::BzImage => {
                "take the `vmlinux` of the same build (Linux's scripts/extract-vmlinux unpacks it)"
            }
            Self::NoPvh => "build the kernel with CONFIG_PVH=y",
            _ => "give the `vmlinux` of an x86-64 build, or build the kernel again",
        }
    }
}

fn pvh_entry(image: &[u8]) -> Result<u32, Fault> {
    if !image.starts_with(b"\x7fELF") {
        // The setup header of the x86 boot protocol (Documentation/x86/boot.rst) has its magic at 0x202.
        let boot_sector = image.get(0x202..0x206) == Some(b"HdrS");
        return Err(if boot_sector {
            Fault::BzImage
        } else {
            Fault::NotElf
        });
    }
    let little_endian_64 = image.get(4..6) == Some(&[2, 1]);
    if !little_endian_64 || u16_at(image, 16)? != ET_EXEC || u16_at(image, 18)? != EM_X86_64 {
        return Err(Fault::OtherElf);
    }
    let segments = segments(image)?;
    let mut entry = None;
    for segment in segments.iter().filter(|s| s.kind == PT_NOTE) {
        let end = segment
            .offset
            .checked_add(segment.size)
            .ok_or(Fault::Damaged)?;
        let notes = image.get(segment.offset..end).ok_or(Fault::Damaged)?;
        entry = entry.or(entry_note(notes)?);
    }
    let entry = entry.ok_or(Fault::NoPvh)?;
    let inside = |s: &Segment| {
        let address = u64::from(entry);
        s.kind == PT_LOAD && address >= s.physical && address - s.physical < s.size as u64
    };
    match segments.iter().any(inside) {
        true => Ok(entry),
        false => Err(Fault::EntryOutside(entry)),
    }
}

/// The part of a program header that matters here; sizes are those in the file.
struct Segment {
    kind: u32,
    offset: usize,
    physical: u64,
    size: usize,
}

fn segments(image: &[u8]) -> Result<Vec<Segment>, Fault> {
    let table = usize_at(image, 32)?;
    let count = usize::from(u16_at(image, 56)?);
    if usize::from(u16_at(image, 54)?) != PROGRAM_HEADER {
        return Err(Fault::Damaged);
    }
    let segment = |index: usize| {
        let at = table
            .checked_add(index * PROGRAM_HEADER)
            .ok_or(Fault::Damaged)?;
        let header = image.get(at..).ok_or(Fault::Damaged)?;
        Ok(Segment {
            kind: u32_at(header, 0)?,
            offset: usize_at(header, 8)?,
            physical: u64::from_le_bytes(bytes(header, 24)?),
            size: usize_at(header, 32)?,
        })
    };
    (0..count).map(segment).collect()
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

fn bytes<const N: usize>(from: &[u8], at: usize) -> Result<[u8; N], Fault> {
    let slice = from.get(at..).and_then(|rest| rest.get(..N));
    slice.and_then(|s| s.try_into().ok()).ok_or(Fault::Damaged)
}

fn u16_at(from: &[u8], at: usize) -> Result<u16, Fault> {
    bytes(from, at).map(u16::from_le_bytes)
}

fn u32_at(from: &[u8], at: usize) -> Result<u32, Fault> {
    bytes(from, at).map(u32::from_le_bytes)
}

fn usize_at(from: &[u8], at: usize) -> Result<usize, Fault> {
    usize::try_from(u64::from_le_bytes(bytes(from, at)?)).map_err(|_| Fault::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use proptest::prelude::*;

    /// A smallest kernel: a header, a loaded segment at 1 MiB, a segment of notes.
    fn kernel(note_kind: u32, entry: u32) -> Vec<u8> {
        let mut image = vec![0; 64 + 2 * PROGRAM_HEADER];
        image[..6].copy_from_slice(b"\x7fELF\x02\x01");
        image[16..18].copy_from_slice(&ET_EXEC.to_le_bytes());
        image[18..20].copy_from_slice(&EM_X86_64.to_le_bytes());
        image[32] = 64;
        image[54] = 56;
        image[56] = 2;
        let note_at = image.len() as u64;
        for (at, kind, offset, physical, size) in [
            (64, PT_LOAD, 0, 0x10_0000, 0x1000),
            (120, PT_NOTE, note_at, 0, 24u64),
        ] {
            image[at..at + 4].copy_from_slice(&kind.to_le_bytes());
            image[at + 8..at + 16].copy_from_slice(&u64::to_le_bytes(offset));
            image[at + 24..at + 32].copy_from_slice(&u64::to_le_bytes(physical));
            image[at + 32..at + 40].copy_from_slice(&size.to_le_bytes());
        }
        for word in [4, 8, note_kind, u32::from_le_bytes(*b"Xen\0"), entry, 0] {
            image.extend_from_slice(&word.to_le_bytes());
        }
        image
    }

    #[test]
    fn the_entry_point_is_found() {
        assert_eq!(pvh_entry(&kernel(PHYS32_ENTRY, 0x10_0200)), Ok(0x10_0200));
    }

    #[test]
    fn what_a_monitor_refuses_is_named() {
        let mut boot_sector = vec![0; 0x400];
        boot_sector[..2].copy_from_slice(b"MZ");
        boot_sector[0x202..0x206].copy_from_slice(b"HdrS");
        assert_eq!(pvh_entry(&boot_sector), Err(Fault::BzImage));
        assert_eq!(pvh_entry(b""), Err(Fault::NotElf));
        assert_eq!(pvh_entry(b"\x1f\x8b\x08"), Err(Fault::NotElf));
        let mut arm = kernel(PHYS32_ENTRY, 0x10_0200);
        arm[18] = 183;
        assert_eq!(pvh_entry(&arm), Err(Fault::OtherElf));
        assert_eq!(pvh_entry(&kernel(5, 0x10_0200)), Err(Fault::NoPvh));
        assert_eq!(
            pvh_entry(&kernel(PHYS32_ENTRY, 0x20_0000)),
            Err(Fault::EntryOutside(0x20_0000))
        );
        let whole = kernel(PHYS32_ENTRY, 0x10_0200);
        assert_eq!(pvh_entry(&whole[..100]), Err(Fault::Damaged));
    }

    #[test]
    fn the_report_says_what_to_do() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vmlinuz");
        std::fs::write(&path, kernel(5, 0)).unwrap();
        let report = check_vmlinux(&path).unwrap_err().report();
        assert_snapshot!(report.replace(&folder.path().display().to_string(), "DIR"), @r"
        error: DIR/vmlinuz is not a kernel for a microVM
          because: it has no PVH entry point (a Xen note of type 18)
        hint: build the kernel with CONFIG_PVH=y
        ");
    }

    proptest! {
        #[test]
        fn damaged_headers_never_panic(edits in prop::collection::vec((0usize..200, any::<u8>()), 1..12), length in 0usize..200) {
            let mut image = kernel(PHYS32_ENTRY, 0x10_0200);
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
