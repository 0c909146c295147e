//! ELF files as the dynamic loader reads them. Only headers and the dynamic section are read, whatever the size.

use kindling_tree::Content;
use object::elf::{DT_NEEDED, DT_NULL, DT_RPATH, DT_RUNPATH, DT_STRSZ, DT_STRTAB, ET_DYN, ET_EXEC};
use object::elf::{FileHeader32, FileHeader64, PT_LOAD};
use object::read::elf::{Dyn, Dynamic, FileHeader, ProgramHeader};
use object::read::{ReadCache, ReadCacheOps, ReadRef, StringTable};
use object::{Endianness, FileKind};

/// An ELF file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elf {
    /// Whether it is for 64 bits, and `e_machine`: what it can be loaded with.
    pub machine: (bool, u16),
    /// Path of the program that loads it; `None` for libraries and static programs.
    pub interpreter: Option<String>,
    /// Names of libraries.
    pub needed: Vec<String>,
    /// Folders to look for them in: of `DT_RUNPATH`, or of `DT_RPATH` where there is none.
    pub folders: Vec<String>,
}

/// Reads an executable or a shared library.
///
/// `Ok(None)` for another kind of file, an object file, a kernel module.
///
/// # Errors
/// Why it is damaged.
pub fn parse(content: &Content) -> Result<Option<Elf>, String> {
    let mut magic = [0; 4];
    if content.len() < 64 || content.read_at(0, &mut magic).is_err() || &magic != b"\x7fELF" {
        return Ok(None);
    }
    let cache = ReadCache::new(Source { content, at: 0 });
    let parsed = match FileKind::parse(&cache) {
        Ok(FileKind::Elf32) => read::<FileHeader32<Endianness>, _>(&cache),
        Ok(FileKind::Elf64) => read::<FileHeader64<Endianness>, _>(&cache),
        Ok(_) => return Ok(None),
        Err(error) => Err(error),
    };
    parsed.map_err(|error| error.to_string())
}

fn read<'d, H, R>(data: R) -> object::Result<Option<Elf>>
where
    H: FileHeader<Endian = Endianness>,
    R: ReadRef<'d>,
{
    let header = H::parse(data)?;
    let endian = header.endian()?;
    if ![ET_EXEC, ET_DYN].contains(&header.e_type(endian)) {
        return Ok(None);
    }
    let mut elf = Elf {
        machine: (header.is_class_64(), header.e_machine(endian).0),
        interpreter: None,
        needed: Vec::new(),
        folders: Vec::new(),
    };
    let programs = header.program_headers(endian, data)?;
    let mut entries = Vec::new();
    for program in programs {
        if let Some(path) = program.interpreter(endian, data)? {
            elf.interpreter = Some(text(path));
        }
        for entry in program.dynamic(endian, data)?.unwrap_or_default() {
            let tag = entry.d_tag(endian);
            if tag == DT_NULL {
                break;
            }
            let val = entry.d_val(endian).into();
            entries.push(Dynamic { tag, val });
        }
    }
    let value = |wanted| entries.iter().find(|e| e.tag == wanted).map(|e| e.val);
    let (Some(table), Some(size)) = (value(DT_STRTAB), value(DT_STRSZ)) else {
        return Ok(Some(elf)); // static
    };
    let mut start = None;
    for program in programs {
        let address: u64 = program.p_vaddr(endian).into();
        let length: u64 = program.p_filesz(endian).into();
        let inside = table.checked_sub(address).filter(|&at| at < length);
        if let Some(inside) = inside
            && program.p_type(endian) == PT_LOAD
        {
            start = program.p_offset(endian).into().checked_add(inside);
        }
    }
    let Some((start, end)) = start.and_then(|start| Some((start, start.checked_add(size)?))) else {
        return Ok(Some(elf));
    };
    let strings = StringTable::new(data, start, end);
    let (mut rpath, mut runpath) = (Vec::new(), None);
    for entry in &entries {
        match entry.tag {
            DT_NEEDED => elf.needed.push(text(entry.string(&strings)?)),
            DT_RPATH => rpath = folders(entry.string(&strings)?),
            DT_RUNPATH => runpath = Some(folders(entry.string(&strings)?)),
            _ => {}
        }
    }
    elf.folders = runpath.unwrap_or(rpath);
    Ok(Some(elf))
}

fn folders(list: &[u8]) -> Vec<String> {
    let parts = list.split(|&b| b == b':');
    parts.filter(|part| !part.is_empty()).map(text).collect()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Content as `object` wants to read it.
struct Source<'a> {
    content: &'a Content,
    at: u64,
}

impl ReadCacheOps for Source<'_> {
    fn len(&mut self) -> Result<u64, ()> {
        Ok(self.content.len())
    }

    fn seek(&mut self, at: u64) -> Result<u64, ()> {
        self.at = at;
        Ok(at)
    }

    fn read(&mut self, buffer: &mut [u8]) -> Result<usize, ()> {
        let left = self.content.len().saturating_sub(self.at);
        let count = left.min(buffer.len() as u64) as usize;
        self.read_exact(&mut buffer[..count]).map(|()| count)
    }

    fn read_exact(&mut self, buffer: &mut [u8]) -> Result<(), ()> {
        let end = self.at.checked_add(buffer.len() as u64).ok_or(())?;
        if end > self.content.len() {
            return Err(());
        }
        self.content.read_at(self.at, buffer).map_err(drop)?;
        self.at = end;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn bytes(bytes: &[u8]) -> Content {
        Content::Bytes(bytes.into())
    }

    #[test]
    fn this_very_program_is_read_as_ldd_reads_it() {
        let own = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let elf = parse(&bytes(&own)).unwrap().unwrap();
        assert!(elf.machine.0);
        assert!(elf.interpreter.unwrap().contains("ld-linux"));
        assert!(elf.needed.iter().any(|name| name == "libc.so.6"));
        assert_eq!(parse(&bytes(&[b'#'; 100])), Ok(None));
    }

    proptest! {
        #[test]
        fn damage_is_an_error_or_a_result(at in 0..4096_usize, value: u8, cut in 64..8192_usize) {
            let own = std::fs::read("/proc/self/exe").unwrap();
            let mut damaged = own[..cut.min(own.len())].to_vec();
            if let Some(byte) = damaged.get_mut(at) {
                *byte = value;
            }
            let _ = parse(&bytes(&damaged));
        }
    }
}
