//! Writing members, with nothing in them that the caller did not say.

use std::io::{self, BufWriter, Read, Write};

use super::pax::{self, MAX_ID, MAX_SIZE, NAME, Records};
use crate::{Entry, Kind};
use ::tar::EntryType;

const BLOCK: u64 = 512;

/// Files up to this size are copied through the writer's buffer; larger ones by the kernel.
const SMALL: u64 = 64 << 10;

/// Writes members of a tar one after the other, with nothing in them that the caller did not say.
#[derive(Debug)]
pub struct Writer<W: Write> {
    out: BufWriter<W>,
}

impl<W: Write> Writer<W> {
    /// An empty tar.
    pub fn new(out: W) -> Self {
        Self {
            out: BufWriter::with_capacity(256 << 10, out),
        }
    }

    /// Adds a member; `length` bytes of `content` are taken if it is a regular file.
    ///
    /// # Errors
    /// `content` is shorter than `length`, or writing failed.
    pub fn append<R: Read>(
        &mut self,
        path: &[u8],
        entry: &Entry,
        length: u64,
        content: &mut R,
    ) -> io::Result<()> {
        let length = if matches!(entry.kind, Kind::File(_)) {
            length
        } else {
            0
        };
        let mut name = [b"./", path].concat();
        if matches!(entry.kind, Kind::Directory) && !path.is_empty() {
            name.push(b'/');
        }
        let Some(Type { kind, link, device }) = Type::of(entry) else {
            return Ok(()); // a socket: no tar has a type for it, and no image a use
        };
        let mut header = ::tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(entry.mode.into());
        if let Some((major, minor)) = device {
            header.set_device_major(major)?;
            header.set_device_minor(minor)?;
        }
        header.set_uid(entry.uid.min(MAX_ID).into());
        header.set_gid(entry.gid.min(MAX_ID).into());
        header.set_mtime(pax::plain_seconds(entry.mtime).unwrap_or(0));
        header.set_size(length.min(MAX_SIZE));
        self.records(&pax::records(entry, &name, &link, length)?)?;
        let fields = header.as_old_mut();
        let cut = |bytes: &[u8], field: &mut [u8; NAME]| {
            let length = bytes.len().min(NAME);
            field[..length].copy_from_slice(&bytes[..length]);
        };
        cut(&name, &mut fields.name);
        cut(&link, &mut fields.linkname);
        header.set_cksum();
        self.out.write_all(header.as_bytes())?;
        self.content(length, content)
    }

    fn records(&mut self, records: &Records) -> io::Result<()> {
        if records.0.is_empty() {
            return Ok(());
        }
        let mut header = ::tar::Header::new_ustar();
        header.set_entry_type(EntryType::XHeader);
        header.as_old_mut().name[..9].copy_from_slice(b"PaxHeader");
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(records.0.len() as u64);
        header.set_cksum();
        self.out.write_all(header.as_bytes())?;
        self.content(records.0.len() as u64, &mut records.0.as_slice())
    }

    fn content<R: Read>(&mut self, length: u64, content: &mut R) -> io::Result<()> {
        let mut content = content.take(length);
        let copied = if length <= SMALL {
            let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
            content.read_to_end(&mut bytes)?;
            self.out.write_all(&bytes)?;
            bytes.len() as u64
        } else {
            io::copy(&mut content, &mut self.out)?
        };
        if copied != length {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let padding = length.next_multiple_of(BLOCK) - length;
        self.out
            .write_all(&[0; BLOCK as usize][..usize::try_from(padding).unwrap_or(0)])
    }

    /// Writes the two empty blocks that end a tar.
    ///
    /// # Errors
    /// Writing failed.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.write_all(&[0; 2 * BLOCK as usize])?;
        self.out.into_inner().map_err(|error| error.into_error())
    }
}

/// The type of a member, with what its header needs besides.
struct Type {
    kind: EntryType,
    /// The text of a link.
    link: Vec<u8>,
    /// Major and minor number of a device.
    device: Option<(u32, u32)>,
}

impl Type {
    /// The type of an entry; `None` for a socket.
    fn of(entry: &Entry) -> Option<Self> {
        let (kind, link, device) = match &entry.kind {
            Kind::File(_) => (EntryType::Regular, Vec::new(), None),
            Kind::Directory => (EntryType::Directory, Vec::new(), None),
            Kind::Fifo => (EntryType::Fifo, Vec::new(), None),
            Kind::Symlink(target) => (EntryType::Symlink, target.clone(), None),
            Kind::HardLink(target) => (EntryType::Link, [b"./", target.as_slice()].concat(), None),
            Kind::CharDevice { major, minor } => {
                (EntryType::Char, Vec::new(), Some((*major, *minor)))
            }
            Kind::BlockDevice { major, minor } => {
                (EntryType::Block, Vec::new(), Some((*major, *minor)))
            }
            Kind::Socket => return None,
        };
        Some(Self { kind, link, device })
    }
}
