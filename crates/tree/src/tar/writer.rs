//! Writing members, with nothing in them that the caller did not say.

use std::io::{self, BufWriter, Read, Write};

use ::tar::EntryType;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::{XATTR, XATTR_BASE64};
use crate::{Entry, Kind, Timestamp};

const BLOCK: u64 = 512;

/// Files up to this size are copied through the writer's buffer; larger ones by the kernel.
const SMALL: u64 = 64 << 10;

/// The last values of the octal fields of a ustar header: 7 digits for ids, 11 for sizes and times.
const MAX_ID: u32 = 0o777_7777;
const MAX_SIZE: u64 = 0o777_7777_7777;

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
        let (kind, link, device) = match &entry.kind {
            Kind::File(_) => (EntryType::Regular, Vec::new(), (0, 0)),
            Kind::Directory => (EntryType::Directory, Vec::new(), (0, 0)),
            Kind::Symlink(target) => (EntryType::Symlink, target.clone(), (0, 0)),
            Kind::HardLink(target) => {
                (EntryType::Link, [b"./", target.as_slice()].concat(), (0, 0))
            }
            Kind::CharDevice { major, minor } => (EntryType::Char, Vec::new(), (*major, *minor)),
            Kind::BlockDevice { major, minor } => (EntryType::Block, Vec::new(), (*major, *minor)),
            Kind::Fifo => (EntryType::Fifo, Vec::new(), (0, 0)),
            Kind::Socket => return Ok(()), // no tar has a type for it, and no image a use
        };
        let mut header = ::tar::Header::new_ustar();
        header.set_entry_type(kind);
        header.set_mode(entry.mode.into());
        if matches!(kind, EntryType::Char | EntryType::Block) {
            header.set_device_major(device.0)?;
            header.set_device_minor(device.1)?;
        }
        let mut records = Records::default();
        for long in [&name, &link] {
            if long.len() > 100 && long.contains(&b'\n') {
                return Err(io::Error::other(
                    "a long name with a newline has no place in a tar",
                ));
            }
        }
        if name.len() > 100 {
            records.add("path", &name);
        }
        if link.len() > 100 {
            records.add("linkpath", &link);
        }
        for (key, id) in [("uid", entry.uid), ("gid", entry.gid)] {
            if id > MAX_ID {
                records.add(key, id.to_string().as_bytes());
            }
        }
        header.set_uid(entry.uid.min(MAX_ID).into());
        header.set_gid(entry.gid.min(MAX_ID).into());
        let seconds = u64::try_from(entry.mtime.seconds).ok();
        let seconds = seconds.filter(|s| *s <= MAX_SIZE && entry.mtime.nanoseconds == 0);
        if seconds.is_none() {
            records.add("mtime", show_time(entry.mtime).as_bytes());
        }
        header.set_mtime(seconds.unwrap_or(0));
        if length > MAX_SIZE {
            records.add("size", length.to_string().as_bytes());
        }
        header.set_size(length.min(MAX_SIZE));
        for (key, value) in &entry.xattrs {
            let name = String::from_utf8_lossy(key);
            if value.contains(&b'\n') {
                let value = STANDARD_NO_PAD.encode(value);
                records.add(&format!("{XATTR_BASE64}{name}"), value.as_bytes());
            } else {
                records.add(&format!("{XATTR}{name}"), value);
            }
        }
        self.records(&records)?;
        let fields = header.as_old_mut();
        let cut = |bytes: &[u8], field: &mut [u8; 100]| {
            let length = bytes.len().min(100);
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

/// Records of a pax header: `LENGTH KEY=VALUE\n`, the length counting itself.
#[derive(Default)]
struct Records(Vec<u8>);

impl Records {
    fn add(&mut self, key: &str, value: &[u8]) {
        let rest = key.len() + value.len() + 3; // blank, `=` and newline
        let mut length = rest + 1;
        while length != rest + length.to_string().len() {
            length = rest + length.to_string().len();
        }
        self.0.extend(format!("{length} {key}=").bytes());
        self.0.extend(value);
        self.0.push(b'\n');
    }
}

fn show_time(time: Timestamp) -> String {
    if time.nanoseconds == 0 {
        return time.seconds.to_string();
    }
    if time.seconds < 0 {
        let fraction = 1_000_000_000 - time.nanoseconds;
        let whole = time.seconds + 1;
        let sign = if whole == 0 { "-" } else { "" };
        return format!("{sign}{whole}.{fraction:09}");
    }
    format!("{}.{:09}", time.seconds, time.nanoseconds)
}
