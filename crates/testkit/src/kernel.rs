//! The smallest ELF kernel.

/// Sizes of an ELF64 file's header and of one entry of its program header table (System V ABI, chapters 4 and 5).
const FILE_HEADER: usize = 64;
const PROGRAM_HEADER: usize = 56;
/// `e_type` of a program linked to fixed addresses, and `e_machine` of x86-64.
const ET_EXEC: u16 = 2;
const EM_X86_64: u16 = 62;
/// Segment types.
const PT_LOAD: u32 = 1;
const PT_NOTE: u32 = 4;

/// A header, a loaded segment at 1 MiB and a segment with one note of owner `Xen`. A kernel for a microVM has a note of
/// kind 18, whose content is an entry point inside of the segment: 0x10_0020.
pub fn kernel(note_kind: u32, entry: u32) -> Vec<u8> {
    let mut image = vec![0; FILE_HEADER + 2 * PROGRAM_HEADER];
    image[..6].copy_from_slice(b"\x7fELF\x02\x01");
    image[16..18].copy_from_slice(&ET_EXEC.to_le_bytes());
    image[18..20].copy_from_slice(&EM_X86_64.to_le_bytes());
    image[32] = 64;
    image[54] = 56;
    image[56] = 2;
    let note_at = image.len() as u64;
    for (at, kind, offset, physical, size) in [
        (64, PT_LOAD, 0, 0x10_0000, 64),
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
