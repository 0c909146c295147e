//! Strips a linked kernel: what a monitor loads stays, packed.

use std::path::Path;

use kindling_base::{Result, files};

use kindling_vmlinux::elf::{
    FILE_HEADER, Fault, PROGRAM_HEADER, PT_LOAD, SECTION_HEADER, SHF_ALLOC, SHT_NOBITS, Segment,
    check_header, part, sections, segments, u16_at, u32_at, u64_at, usize_at,
};
use kindling_vmlinux::refused;

/// Alignment of segments in the new file. Linux links with 2 MiB, which fills a quarter of the file with nothing;
/// a monitor copies segments to their physical addresses and does not map them, so a page will do.
const PAGE: usize = 4096;

/// Writes the kernel `from` to `to` without symbols, relocations (only a bzImage needs them), comments and the
/// holes between its segments.
///
/// # Errors
/// `from` cannot be read or is not an x86-64 kernel; `to` cannot be written.
pub(super) fn strip(from: &Path, to: &Path) -> Result<()> {
    let stripped = stripped(&files::read(from)?).map_err(|fault| refused(from, fault))?;
    files::write_atomic(to, &stripped, 0o644)
}

fn stripped(image: &[u8]) -> Result<Vec<u8>, Fault> {
    check_header(image)?;
    let segments = segments(image)?;
    let mut new = part(image, 0, FILE_HEADER)?.to_vec();
    for segment in &segments {
        new.extend_from_slice(segment.header);
    }
    // Loaded segments: their old place in the file, and their new one.
    let mut moved: Vec<(&Segment<'_>, usize)> = Vec::new();
    for segment in segments.iter().filter(|s| s.kind == PT_LOAD) {
        // The ABI wants offset and address to be equal modulo the alignment.
        let phase = usize::try_from(segment.address % PAGE as u64).map_err(|_| Fault::Damaged)?;
        let start = new.len().next_multiple_of(PAGE) + phase;
        new.resize(start, 0);
        new.extend_from_slice(segment.data);
        moved.push((segment, start));
    }
    // Where the bytes at an old offset are now.
    let relocate = |offset: usize, length: usize| {
        let inside = |s: &Segment<'_>| {
            offset >= s.offset
                && length <= s.data.len()
                && offset - s.offset <= s.data.len() - length
        };
        let found = moved.iter().find(|(segment, _)| inside(segment));
        found
            .map(|(segment, start)| start + (offset - segment.offset))
            .ok_or(Fault::Damaged)
    };
    for (index, segment) in segments.iter().enumerate() {
        let at = FILE_HEADER + index * PROGRAM_HEADER;
        put(
            &mut new,
            at + 8,
            relocate(segment.offset, segment.data.len())?,
        );
        if segment.kind == PT_LOAD {
            put(&mut new, at + 48, PAGE);
        }
    }
    append_sections(image, &mut new, relocate)?;
    put(&mut new, 32, FILE_HEADER);
    Ok(new)
}

/// Appends the section table: the null section, those that are in memory, and the names of all.
fn append_sections(
    image: &[u8],
    new: &mut Vec<u8>,
    relocate: impl Fn(usize, usize) -> Result<usize, Fault>,
) -> Result<(), Fault> {
    let old = sections(image)?;
    let names = old
        .get(usize::from(u16_at(image, 62)?))
        .ok_or(Fault::Damaged)?;
    let mut kept = Vec::new();
    for section in &old {
        if u64_at(section, 8)? & SHF_ALLOC == 0 {
            continue;
        }
        let mut section = section.to_vec();
        let offset = match u32_at(&section, 4)? {
            SHT_NOBITS => new.len(),
            _ => relocate(usize_at(&section, 24)?, usize_at(&section, 32)?)?,
        };
        put(&mut section, 24, offset);
        kept.push(section);
    }
    let mut names = names.to_vec();
    let text = part(image, usize_at(&names, 24)?, usize_at(&names, 32)?)?;
    put(&mut names, 24, new.len());
    kept.push(names);
    new.extend_from_slice(text);
    new.resize(new.len().next_multiple_of(8), 0);

    let table = new.len();
    let count = u16::try_from(kept.len() + 1).map_err(|_| Fault::Damaged)?;
    new.extend_from_slice(&[0; SECTION_HEADER]);
    new.extend(kept.into_iter().flatten());
    put(new, 40, table);
    new[60..62].copy_from_slice(&count.to_le_bytes());
    new[62..64].copy_from_slice(&(count - 1).to_le_bytes());
    Ok(())
}

/// Writes a 64-bit word of a header; headers are whole by construction.
fn put(bytes: &mut [u8], at: usize, value: usize) {
    bytes[at..at + 8].copy_from_slice(&(value as u64).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_testkit::kernel;
    use proptest::prelude::*;

    /// The smallest kernel with a hole of 64 KiB, symbols and sections, as the linker leaves it.
    fn linked() -> Vec<u8> {
        let mut image = kernel(18, 0x10_0020);
        let notes = image.split_off(image.len() - 24);
        let text = 0x1_0000;
        image.resize(text, 0);
        image.extend_from_slice(&[0x90; 0x1000]);
        image.extend_from_slice(&notes);
        let load = FILE_HEADER;
        put(&mut image, load + 8, text);
        put(&mut image, load + 32, 0x1018);
        put(&mut image, load + 48, text);
        put(&mut image, load + PROGRAM_HEADER + 8, text + 0x1000);
        let names = image.len();
        image.extend_from_slice(b"\0.text\0.symtab\0.bss\0.shstrtab\0");
        image.resize(image.len().next_multiple_of(8), 0);
        let table = image.len();
        for (name, kind, flags, offset, size) in [
            (0, 0, 0, 0, 0),
            (1, 1, SHF_ALLOC, text, 0x1000),
            (7, 2, 0, names, 8),
            (15, SHT_NOBITS, SHF_ALLOC, names, 0x8000),
            (20, 3, 0, names, 30),
        ] {
            let mut header = [0; SECTION_HEADER];
            header[..4].copy_from_slice(&u32::to_le_bytes(name));
            header[4..8].copy_from_slice(&u32::to_le_bytes(kind));
            header[8..16].copy_from_slice(&flags.to_le_bytes());
            put(&mut header, 24, offset);
            put(&mut header, 32, size);
            image.extend_from_slice(&header);
        }
        put(&mut image, 40, table);
        image[60] = 5;
        image[62] = 4;
        image
    }

    #[test]
    fn what_is_loaded_stays_and_the_rest_goes() {
        let image = linked();
        let new = stripped(&image).unwrap();
        assert!(new.len() < 0x3000, "{} bytes", new.len());
        let (before, after) = (segments(&image).unwrap(), segments(&new).unwrap());
        assert_eq!(before.len(), after.len());
        for (before, after) in before.iter().zip(&after) {
            let same = |s: &Segment<'_>| (s.kind, s.address, s.physical, s.data.to_vec());
            assert_eq!(same(before), same(after));
        }
        assert_eq!(
            sections(&new).unwrap().len(),
            4,
            "null, .text, .bss, .shstrtab"
        );
        let text = sections(&new).unwrap()[1];
        assert_eq!(
            part(&new, usize_at(text, 24).unwrap(), 0x1000).unwrap(),
            [0x90; 0x1000]
        );
        assert_eq!(
            stripped(&new).unwrap(),
            new,
            "stripping again changes nothing"
        );
    }

    #[test]
    fn a_segment_outside_of_the_file_is_damage() {
        let mut image = linked();
        put(&mut image, FILE_HEADER + 8, usize::MAX - 8);
        assert_eq!(stripped(&image), Err(Fault::Damaged));
    }

    proptest! {
        #[test]
        fn damaged_headers_never_panic(edits in prop::collection::vec((0usize..512, any::<u8>()), 1..8)) {
            let mut image = linked();
            let tables = FILE_HEADER + 2 * PROGRAM_HEADER;
            let section_table = image.len() - 5 * SECTION_HEADER;
            for (at, byte) in edits {
                let at = if at < tables { at } else { section_table + (at - tables) };
                if let Some(target) = image.get_mut(at) {
                    *target = byte;
                }
            }
            let _ = stripped(&image);
        }
    }
}
