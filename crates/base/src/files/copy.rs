//! Copies that cost little: shared extents, hard links, holes that stay holes.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Seek};
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{create, next_data, open, remove, set_mode};
use crate::{Context, Result};

/// Copies a file; the copy has mode `mode`. Where the file system shares extents, the copy takes no space; elsewhere
/// its holes stay holes.
///
/// # Errors
/// Either end fails; the error names both.
pub fn copy(from: &Path, to: &Path, mode: u32) -> Result<()> {
    let what = || format!("cannot copy {} to {}", from.display(), to.display());
    let source = open(from)?;
    let target = create(to)?;
    if rustix::fs::ioctl_ficlone(&target, &source).is_err() {
        copy_sparse(&source, &target).context(what())?;
    }
    target
        .set_permissions(Permissions::from_mode(mode))
        .context(what())
}

/// The way in which [`share`] made a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// A file of its own on shared extents: a change of one never shows in the other.
    Reflink,
    /// A second name of the same file.
    HardLink,
    /// A copy, which took time and space.
    Copy,
}

/// Makes `to` a file with the bytes of `from` and mode `mode`, in the cheapest way that the file systems offer. If that
/// is a hard link, `from` gets the mode as well.
///
/// # Errors
/// None of the ways works; the error names both ends.
pub fn share(from: &Path, to: &Path, mode: u32) -> Result<Sharing> {
    let what = || format!("cannot copy {} to {}", from.display(), to.display());
    let source = open(from)?;
    let target = create(to)?;
    if rustix::fs::ioctl_ficlone(&target, &source).is_ok() {
        let permissions = Permissions::from_mode(mode);
        target.set_permissions(permissions).context(what())?;
        return Ok(Sharing::Reflink);
    }
    drop(target);
    remove(to)?;
    let named = set_mode(from, mode).is_ok() && fs::hard_link(from, to).is_ok();
    if named {
        return Ok(Sharing::HardLink);
    }
    copy(from, to, mode)?; // another file system, or somebody else's file
    Ok(Sharing::Copy)
}

/// Copies the data extents of `source` and leaves its holes.
fn copy_sparse(source: &File, target: &File) -> std::io::Result<()> {
    let length = source.metadata()?.len();
    target.set_len(length)?;
    let mut at = 0;
    while at < length {
        let Range { start, end } = next_data(source, at, length)?;
        (&*source).seek(io::SeekFrom::Start(start))?;
        (&*target).seek(io::SeekFrom::Start(start))?;
        // In the kernel where it can, by reading and writing where it cannot (two file systems).
        let copied = io::copy(&mut source.take(end - start), &mut &*target)?;
        if copied < end - start {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        at = end;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::{metadata, read};
    use std::io::Write;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn a_shared_file_is_equal_and_read_only() {
        let disk = tempfile::tempdir().unwrap();
        let memory = tempfile::tempdir_in("/dev/shm").unwrap();
        let from = disk.path().join("a");
        fs::write(&from, b"bytes").unwrap();
        let near = share(&from, &disk.path().join("b"), 0o444).unwrap();
        assert_ne!(near, Sharing::Copy);
        let far = share(&from, &memory.path().join("b"), 0o444).unwrap();
        assert_eq!(far, Sharing::Copy);
        for folder in [&disk, &memory] {
            let path = folder.path().join("b");
            assert_eq!(read(&path).unwrap(), b"bytes");
            assert_eq!(metadata(&path).unwrap().permissions().mode() & 0o777, 0o444);
        }
    }

    #[test]
    fn a_copy_is_equal_and_keeps_holes() {
        let folder = tempfile::tempdir().unwrap();
        let (from, to) = (folder.path().join("a"), folder.path().join("b"));
        let mut file = create(&from).unwrap();
        file.write_all(b"head").unwrap();
        file.set_len(64 << 20).unwrap();
        drop(file);
        copy(&from, &to, 0o444).unwrap();
        assert_eq!(read(&from).unwrap(), read(&to).unwrap());
        let meta = fs::metadata(&to).unwrap();
        assert!(meta.blocks() * 512 < 1 << 20, "{} blocks", meta.blocks());
        assert_eq!(meta.mode() & 0o777, 0o444);
    }

    #[test]
    fn a_copy_may_cross_file_systems() {
        let (here, there) = (
            tempfile::tempdir().unwrap(),
            tempfile::tempdir_in("/dev/shm").unwrap(),
        );
        let (from, to) = (here.path().join("a"), there.path().join("b"));
        fs::write(&from, vec![7; 3 << 20]).unwrap();
        copy(&from, &to, 0o444).unwrap();
        assert_eq!(read(&from).unwrap(), read(&to).unwrap());
    }
}
