//! Records of a pax header: values that a ustar header has no room for.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use super::{XATTR, XATTR_BASE64};
use crate::{Entry, Timestamp};

/// The last values of the octal fields of a ustar header: 7 digits for ids, 11 for sizes and times.
pub(super) const MAX_ID: u32 = 0o777_7777;
pub(super) const MAX_SIZE: u64 = 0o777_7777_7777;

/// Bytes of the name and of the link's text in a ustar header.
pub(super) const NAME: usize = 100;

/// The records of a member, whose content has `length` bytes.
///
/// # Errors
/// A long name has a newline, which no tar has a place for.
pub(super) fn records(entry: &Entry, name: &[u8], link: &[u8], length: u64) -> io::Result<Records> {
    let mut records = Records::default();
    for (key, text) in [("path", name), ("linkpath", link)] {
        if text.len() <= NAME {
            continue;
        }
        if text.contains(&b'\n') {
            return Err(io::Error::other(
                "a long name with a newline has no place in a tar",
            ));
        }
        records.add(key, text);
    }
    for (key, id) in [("uid", entry.uid), ("gid", entry.gid)] {
        if id > MAX_ID {
            records.add(key, id.to_string().as_bytes());
        }
    }
    if plain_seconds(entry.mtime).is_none() {
        records.add("mtime", show_time(entry.mtime).as_bytes());
    }
    if length > MAX_SIZE {
        records.add("size", length.to_string().as_bytes());
    }
    for (key, value) in &entry.xattrs {
        let name = String::from_utf8_lossy(key);
        if value.contains(&b'\n') {
            let value = STANDARD_NO_PAD.encode(value);
            records.add(&format!("{XATTR_BASE64}{name}"), value.as_bytes());
        } else {
            records.add(&format!("{XATTR}{name}"), value);
        }
    }
    Ok(records)
}

/// A time as a ustar header has it; `None` for one with nanoseconds, before 1970 or too far away.
pub(super) fn plain_seconds(time: Timestamp) -> Option<u64> {
    let seconds = u64::try_from(time.seconds).ok();
    seconds.filter(|seconds| *seconds <= MAX_SIZE && time.nanoseconds == 0)
}

/// Records of a pax header: `LENGTH KEY=VALUE\n`, the length counting itself.
#[derive(Debug, Default)]
pub(super) struct Records(pub(super) Vec<u8>);

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
