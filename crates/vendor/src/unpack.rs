//! The files of one crate, unpacked into a folder that nothing of them leaves.

use std::ffi::OsStr;
use std::fs;
use std::io::{self, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use flate2::read::GzDecoder;
use kindling_base::{Context, Error, Result, cancel, files};
use tar::EntryType;

/// Longest file of a crate: far more than registries take (10 MiB for a whole one, packed, where no exception was made).
const LONGEST_FILE: u64 = 64 << 20;

/// Longest crate, unzipped.
const LONGEST: u64 = 512 << 20;

/// Unpacks the `.crate` at `path`, all of whose members are in its folder `stem`, into the new folder `into/stem`.
///
/// # Errors
/// It does not read, a path leads out of `stem`, a member is neither a file nor a folder, or it is too long.
pub(crate) fn unpack(path: &Path, into: &Path, stem: &str) -> Result<()> {
    let unsound = |error: io::Error| {
        Error::external(format!("{} is no sound .crate", path.display())).because(error)
    };
    let unzipped = Limited {
        inner: GzDecoder::new(BufReader::new(files::open(path)?)),
        left: LONGEST,
    };
    let folder = into.join(stem);
    fs::create_dir(&folder).context(format!("cannot create the folder {}", folder.display()))?;
    files::set_mode(&folder, 0o755)?;
    let mut archive = tar::Archive::new(unzipped);
    for member in archive.entries().map_err(unsound)? {
        cancel::check()?;
        let mut member = member.map_err(unsound)?;
        let parts = below(&member.path_bytes(), stem).map_err(unsound)?;
        match member.header().entry_type() {
            EntryType::Directory => drop(make_folders(&folder, &parts)?),
            EntryType::Regular => {
                let Some((name, parents)) = parts.split_last() else {
                    return Err(unsound(bad("has a file in place of its folder")));
                };
                let target = make_folders(&folder, parents)?.join(name);
                let runs = member.header().mode().is_ok_and(|mode| mode & 0o111 != 0);
                let bytes = read(&mut member).map_err(unsound)?;
                files::write(&target, &bytes)?;
                files::set_mode(&target, if runs { 0o755 } else { 0o644 })?;
            }
            other => {
                let kind = char::from(other.as_byte());
                return Err(unsound(bad(&format!("has a member of the type `{kind}`"))));
            }
        }
    }
    Ok(())
}

/// The parts of a member's path below the crate's folder, each of them the plain name of a file.
fn below(path: &[u8], stem: &str) -> io::Result<Vec<PathBuf>> {
    let wrong = || {
        let shown = String::from_utf8_lossy(path);
        bad(&format!(
            "has the path `{}`, which is not below `{stem}/`",
            shown.escape_debug()
        ))
    };
    let bare = path.strip_suffix(b"/").unwrap_or(path);
    let mut parts = bare.split(|byte| *byte == b'/');
    if parts.next() != Some(stem.as_bytes()) {
        return Err(wrong());
    }
    parts
        .map(|part| match part {
            b"" | b"." | b".." => Err(wrong()),
            _ if part.contains(&0) => Err(wrong()),
            _ => Ok(PathBuf::from(OsStr::from_bytes(part))),
        })
        .collect()
}

/// Makes folders below the crate's, where they are not there yet; returns the last. There are no links to follow.
fn make_folders(folder: &Path, parts: &[PathBuf]) -> Result<PathBuf> {
    let mut path = folder.to_owned();
    for part in parts {
        path.push(part);
        if !path.is_dir() {
            let made = fs::create_dir(&path);
            made.context(format!("cannot create the folder {}", path.display()))?;
            files::set_mode(&path, 0o755)?;
        }
    }
    Ok(path)
}

/// The bytes of a member.
fn read<R: Read>(member: &mut tar::Entry<'_, R>) -> io::Result<Vec<u8>> {
    let size = member.size();
    if size > LONGEST_FILE {
        return Err(bad(&format!(
            "has a file of {size} bytes, more than {LONGEST_FILE}"
        )));
    }
    let mut bytes = Vec::new();
    member.read_to_end(&mut bytes)?;
    match bytes.len() as u64 == size {
        true => Ok(bytes),
        false => Err(io::ErrorKind::UnexpectedEof.into()),
    }
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// A reader that fails, rather than ends, where a few bytes of a .gz become too many.
struct Limited<R> {
    inner: R,
    left: u64,
}

impl<R: Read> Read for Limited<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let left = self.left.checked_sub(count as u64);
        self.left = left.ok_or_else(|| bad(&format!("unzips to more than {LONGEST} bytes")))?;
        Ok(count)
    }
}

#[cfg(test)]
mod tests;
