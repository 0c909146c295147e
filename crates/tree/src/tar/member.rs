//! Reading one member's header.

use std::io::{self, Read};

use ::tar::EntryType;
use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::{XATTR, XATTR_BASE64};
use crate::{Content, Entry, Kind, Timestamp};

/// Path and entry of a tar's member, the path plain as [`crate::Tree`] wants it. A regular file gets `content`.
///
/// # Errors
/// The header is unsound, file systems do not have the type, or a path is absolute or has `..`.
pub fn read_member<R: Read>(
    member: &mut ::tar::Entry<'_, R>,
    content: Content,
) -> io::Result<(Vec<u8>, Entry)> {
    let path = plain(&member.path_bytes())?;
    let target = member.link_name_bytes().map(|name| name.into_owned());
    let header = member.header();
    let narrow = |value: u64| u32::try_from(value).map_err(|_| bad("has an owner out of range"));
    let device = || -> io::Result<(u32, u32)> {
        Ok((
            header.device_major()?.unwrap_or(0),
            header.device_minor()?.unwrap_or(0),
        ))
    };
    let mut entry = Entry {
        mode: u16::try_from(header.mode()? & 0o7777).unwrap_or(0),
        uid: narrow(header.uid()?)?,
        gid: narrow(header.gid()?)?,
        mtime: Timestamp {
            seconds: header.mtime()?.cast_signed(),
            nanoseconds: 0,
        },
        xattrs: Default::default(),
        kind: match header.entry_type() {
            EntryType::Regular | EntryType::Continuous => Kind::File(content),
            EntryType::Directory => Kind::Directory,
            EntryType::Symlink => {
                Kind::Symlink(target.ok_or_else(|| bad("has a symbolic link to nothing"))?)
            }
            EntryType::Link => Kind::HardLink(plain(&target.unwrap_or_default())?),
            EntryType::Char => device().map(|(major, minor)| Kind::CharDevice { major, minor })?,
            EntryType::Block => {
                device().map(|(major, minor)| Kind::BlockDevice { major, minor })?
            }
            EntryType::Fifo => Kind::Fifo,
            other => {
                let kind = other.as_byte() as char;
                return Err(bad(&format!("has a member of the unknown type `{kind}`")));
            }
        },
    };
    if let Some(records) = member.pax_extensions()? {
        for record in records {
            let record = record?;
            let Ok(key) = record.key() else { continue };
            if let Some(name) = key.strip_prefix(XATTR) {
                let value = record.value_bytes().to_vec();
                entry.xattrs.insert(name.as_bytes().to_vec(), value);
            } else if let Some(name) = key.strip_prefix(XATTR_BASE64) {
                let value = STANDARD_NO_PAD
                    .decode(record.value_bytes())
                    .map_err(|_| bad("has an xattr that is no base64"))?;
                entry.xattrs.insert(name.as_bytes().to_vec(), value);
            } else if key == "mtime" {
                entry.mtime = parse_time(record.value_bytes())
                    .ok_or_else(|| bad("has a time that is no number"))?;
            }
        }
    }
    Ok((path, entry))
}

/// The path without `./`, a trailing slash and empty parts.
fn plain(path: &[u8]) -> io::Result<Vec<u8>> {
    let shown = || String::from_utf8_lossy(path).into_owned();
    if path.starts_with(b"/") {
        return Err(bad(&format!("has the absolute path `{}`", shown())));
    }
    let parts: Vec<&[u8]> = path
        .split(|&b| b == b'/')
        .filter(|part| !part.is_empty() && *part != b".")
        .collect();
    if parts.contains(&b"..".as_slice()) {
        return Err(bad(&format!("has the path `{}`, which goes up", shown())));
    }
    Ok(parts.join(&b'/'))
}

/// `seconds[.fraction]`, possibly negative.
fn parse_time(text: &[u8]) -> Option<Timestamp> {
    let text = std::str::from_utf8(text).ok()?;
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let seconds: i64 = whole.parse().ok()?;
    if !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let nanoseconds: u32 = format!("{fraction:0<9.9}").parse().ok()?;
    // The fraction of a negative time counts away from zero.
    Some(if whole.starts_with('-') && nanoseconds > 0 {
        Timestamp {
            seconds: seconds.checked_sub(1)?,
            nanoseconds: 1_000_000_000 - nanoseconds,
        }
    } else {
        Timestamp {
            seconds,
            nanoseconds,
        }
    })
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}
