//! The files of one package, as npm unpacks them.

use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use ::tar::EntryType;
use kindling_base::{Context, Error, Result, files};
use kindling_tree::{Content, Entry, Kind, Timestamp, Tree};

/// Puts the files of the tar at `path` into the folder `folder` of `tree`, which is there.
///
/// The first part of each path is left out, whatever it is called. Files belong to root and have mode 0755 where anybody
/// may run them, else 0644; times are `mtime`. Links are left out, as npm leaves them out.
///
/// # Errors
/// The tar does not read, a path leads out of it, or a member is a device.
pub(crate) fn unpack(tree: &mut Tree, folder: &[u8], path: &Path, mtime: Timestamp) -> Result<()> {
    let unsound = |error: io::Error| {
        Error::external(format!(
            "{} is no sound package",
            String::from_utf8_lossy(folder)
        ))
        .because(error)
    };
    let file = Arc::new(files::open(path)?);
    let shared: Arc<Path> = path.into();
    let end = file
        .metadata()
        .context(format!("cannot read {}", path.display()))?
        .len();
    let mut archive = ::tar::Archive::new(BufReader::new(&*file));
    for member in archive.entries_with_seek().map_err(unsound)? {
        let member = member.map_err(unsound)?;
        let inside = member.raw_file_position().checked_add(member.size());
        if inside.is_none_or(|last| last > end) {
            return Err(unsound(io::ErrorKind::UnexpectedEof.into()));
        }
        let content = Content::Range {
            file: file.clone(),
            path: shared.clone(),
            offset: member.raw_file_position(),
            length: member.size(),
        };
        let Some((name, kind, mode)) = read(&member, content).map_err(unsound)? else {
            continue;
        };
        let target = [folder, b"/", &name].concat();
        tree.make_parents(&target, mtime)?;
        // What is in a folder stays when the folder is named again.
        let exists = matches!(tree.get(&target).map(|e| &e.kind), Some(Kind::Directory));
        if !(exists && matches!(kind, Kind::Directory)) {
            tree.insert(&target, Entry::new(kind, mode, mtime))?;
        }
    }
    Ok(())
}

/// The path below the package's folder, what it is, and its mode; `None` for what is left out.
///
/// Owners are not looked at: those that publish from some systems leave the fields empty.
fn read<R: Read>(
    member: &::tar::Entry<'_, R>,
    content: Content,
) -> io::Result<Option<(Vec<u8>, Kind, u16)>> {
    let header = member.header();
    let (kind, mode) = match header.entry_type() {
        EntryType::Directory => (Kind::Directory, 0o755),
        EntryType::Regular | EntryType::Continuous => {
            let runs = header.mode().is_ok_and(|mode| mode & 0o111 != 0);
            (Kind::File(content), if runs { 0o755 } else { 0o644 })
        }
        // `git archive` writes global records.
        EntryType::Symlink | EntryType::Link | EntryType::XGlobalHeader => return Ok(None),
        other => {
            let kind = char::from(other.as_byte());
            return Err(bad(&format!("has a member of the type `{kind}`")));
        }
    };
    Ok(below_first(&member.path_bytes())?.map(|path| (path, kind, mode)))
}

/// The path without its first part, without `.` and empty parts.
fn below_first(path: &[u8]) -> io::Result<Option<Vec<u8>>> {
    let shown = || String::from_utf8_lossy(path).into_owned();
    if path.starts_with(b"/") {
        return Err(bad(&format!("has the absolute path `{}`", shown())));
    }
    let parts = path.split(|byte| *byte == b'/');
    let parts: Vec<&[u8]> = parts.filter(|part| !matches!(*part, b"" | b".")).collect();
    if parts.contains(&b"..".as_slice()) {
        return Err(bad(&format!("has the path `{}`, which goes up", shown())));
    }
    Ok(parts
        .get(1..)
        .filter(|parts| !parts.is_empty())
        .map(|parts| parts.join(&b'/')))
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests;
