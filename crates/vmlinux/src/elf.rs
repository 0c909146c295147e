//! The little of ELF64 that a kernel image needs (System V ABI, chapters 4 and 5).

use thiserror::Error;

/// `e_machine` of x86-64 (System V ABI, AMD64 supplement).
pub const EM_X86_64: u16 = 62;
/// `e_type` of a program linked to fixed addresses.
pub const ET_EXEC: u16 = 2;
/// The type of a segment that is loaded into memory.
pub const PT_LOAD: u32 = 1;
/// The type of a segment of notes.
pub const PT_NOTE: u32 = 4;
/// A section that takes no room in the file.
pub const SHT_NOBITS: u32 = 8;
/// A section that is in memory at run time.
pub const SHF_ALLOC: u64 = 2;
/// Bytes of the file's header.
pub const FILE_HEADER: usize = 64;
/// Bytes of one entry of the program header table.
pub const PROGRAM_HEADER: usize = 56;
/// Bytes of one entry of the section header table.
pub const SECTION_HEADER: usize = 64;

/// The reason why a microVM monitor cannot start a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Fault {
    /// A bzImage.
    #[error(
        "it is a bzImage, a compressed kernel behind a boot sector; an ELF `vmlinux` is needed"
    )]
    BzImage,
    /// No ELF file at all.
    #[error("it is not an ELF file")]
    NotElf,
    /// An ELF file of another kind.
    #[error("it is an ELF file, but not a 64-bit little-endian x86-64 executable")]
    OtherElf,
    /// A header that points outside of the file.
    #[error("it is cut short or damaged: a header points outside of the file")]
    Damaged,
    /// No PVH entry point.
    #[error("it has no PVH entry point (a Xen note of type 18)")]
    NoPvh,
    /// A PVH entry point outside of what is loaded.
    #[error("its PVH entry point {0:#x} lies in none of its loaded segments")]
    EntryOutside(u32),
}

/// Checks the file's header.
pub fn check_header(image: &[u8]) -> Result<(), Fault> {
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
    match little_endian_64 && u16_at(image, 16)? == ET_EXEC && u16_at(image, 18)? == EM_X86_64 {
        true => Ok(()),
        false => Err(Fault::OtherElf),
    }
}

/// One entry of the program header table.
#[derive(Debug)]
pub struct Segment<'a> {
    /// Its type, such as [`PT_LOAD`].
    pub kind: u32,
    /// Where it begins in the file.
    pub offset: usize,
    /// Its virtual address.
    pub address: u64,
    /// Its physical address.
    pub physical: u64,
    /// Its bytes in the file.
    pub data: &'a [u8],
    /// The entry itself.
    pub header: &'a [u8],
}

/// The segments in the order of the table.
pub fn segments(image: &[u8]) -> Result<Vec<Segment<'_>>, Fault> {
    let entries = table(
        image,
        usize_at(image, 32)?,
        u16_at(image, 56)?,
        PROGRAM_HEADER,
    )?;
    let segment = |header| {
        Ok(Segment {
            kind: u32_at(header, 0)?,
            offset: usize_at(header, 8)?,
            address: u64_at(header, 16)?,
            physical: u64_at(header, 24)?,
            data: part(image, usize_at(header, 8)?, usize_at(header, 32)?)?,
            header,
        })
    };
    entries.into_iter().map(segment).collect()
}

/// The entries of the section header table, which may be missing.
pub fn sections(image: &[u8]) -> Result<Vec<&[u8]>, Fault> {
    table(
        image,
        usize_at(image, 40)?,
        u16_at(image, 60)?,
        SECTION_HEADER,
    )
}

fn table(image: &[u8], at: usize, count: u16, size: usize) -> Result<Vec<&[u8]>, Fault> {
    let whole = part(image, at, usize::from(count) * size)?;
    Ok(whole.chunks_exact(size).collect())
}

/// `length` bytes from `at`.
pub fn part(image: &[u8], at: usize, length: usize) -> Result<&[u8], Fault> {
    let end = at.checked_add(length).ok_or(Fault::Damaged)?;
    image.get(at..end).ok_or(Fault::Damaged)
}

fn bytes<const N: usize>(from: &[u8], at: usize) -> Result<[u8; N], Fault> {
    part(from, at, N)?.try_into().map_err(|_| Fault::Damaged)
}

/// The little-endian word of 16 bits at an offset.
///
/// # Errors
/// The image ends before.
pub fn u16_at(from: &[u8], at: usize) -> Result<u16, Fault> {
    bytes(from, at).map(u16::from_le_bytes)
}

/// The little-endian word of 32 bits at an offset.
///
/// # Errors
/// The image ends before.
pub fn u32_at(from: &[u8], at: usize) -> Result<u32, Fault> {
    bytes(from, at).map(u32::from_le_bytes)
}

/// The little-endian word of 64 bits at an offset.
///
/// # Errors
/// The image ends before.
pub fn u64_at(from: &[u8], at: usize) -> Result<u64, Fault> {
    bytes(from, at).map(u64::from_le_bytes)
}

/// The same as an offset or a size.
///
/// # Errors
/// The image ends before.
pub fn usize_at(from: &[u8], at: usize) -> Result<usize, Fault> {
    usize::try_from(u64_at(from, at)?).map_err(|_| Fault::Damaged)
}
