//! The files of one package, as npm unpacks them.

use std::io::{self, BufReader, Read};
use std::path::Path;
use std::sync::Arc;

use kindling_base::{Context, Error, Result, files};
use kindling_tree::{Content, Entry, Kind, Timestamp, Tree, tar::read_member};

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
        let mut member = member.map_err(unsound)?;
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
        let Some((name, kind, mode)) = read(&mut member, content).map_err(unsound)? else {
            continue;
        };
        let target = [folder, b"/", &name].concat();
        make_parents(tree, &target, mtime)?;
        // What is in a folder stays when the folder is named again.
        let exists = matches!(tree.get(&target).map(|e| &e.kind), Some(Kind::Directory));
        if !(exists && matches!(kind, Kind::Directory)) {
            tree.insert(&target, Entry::new(kind, mode, mtime))?;
        }
    }
    Ok(())
}

/// The path below the package's folder, what it is, and its mode; `None` for what is left out.
fn read<R: Read>(
    member: &mut ::tar::Entry<'_, R>,
    content: Content,
) -> io::Result<Option<(Vec<u8>, Kind, u16)>> {
    if member.header().entry_type().is_pax_global_extensions() {
        return Ok(None); // `git archive` writes one
    }
    let (path, entry) = read_member(member, content)?;
    let mode = match &entry.kind {
        Kind::Directory => 0o755,
        Kind::File(_) if entry.mode & 0o111 != 0 => 0o755,
        Kind::File(_) => 0o644,
        Kind::Symlink(_) | Kind::HardLink(_) => return Ok(None),
        _ => return Err(io::Error::other("has a device")),
    };
    let first = path.iter().position(|byte| *byte == b'/');
    Ok(first.map(|slash| (path[slash + 1..].to_vec(), entry.kind, mode)))
}

/// Makes the folders above `path` that are not there.
pub(crate) fn make_parents(tree: &mut Tree, path: &[u8], mtime: Timestamp) -> Result<()> {
    for (slash, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
        if tree.get(&path[..slash]).is_none() {
            tree.insert(&path[..slash], Entry::new(Kind::Directory, 0o755, mtime))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
