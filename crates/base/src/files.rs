//! File operations whose errors carry the path, and atomic publication.

use std::fs::{self, File, Permissions};
use std::io::{self, Read, Seek, Write};
use std::ops::Range;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::{Context, Result, sparse};

/// Reads a whole file.
///
/// # Errors
/// It cannot be read; the error names it.
pub fn read(path: &Path) -> Result<Vec<u8>> {
    fs::read(path).context(format!("cannot read {}", path.display()))
}

/// Reads the first `most` bytes of a file, or all if it has fewer.
///
/// # Errors
/// It cannot be read; the error names it.
pub fn read_start(path: &Path, most: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    open(path)?
        .take(most as u64)
        .read_to_end(&mut bytes)
        .context(format!("cannot read {}", path.display()))?;
    Ok(bytes)
}

/// Reads a whole UTF-8 file.
///
/// # Errors
/// It cannot be read or is not UTF-8; the error names it.
pub fn read_text(path: &Path) -> Result<String> {
    fs::read_to_string(path).context(format!("cannot read {}", path.display()))
}

/// Opens a file for reading.
///
/// # Errors
/// It cannot be opened; the error names it.
pub fn open(path: &Path) -> Result<File> {
    File::open(path).context(format!("cannot open {}", path.display()))
}

/// Creates or empties a file for writing.
///
/// # Errors
/// It cannot be created; the error names it.
pub fn create(path: &Path) -> Result<File> {
    File::create(path).context(format!("cannot create {}", path.display()))
}

/// The path from the root of the file system, symbolic links left as they are.
///
/// # Errors
/// The current folder is gone.
pub fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).context(format!("cannot make {} absolute", path.display()))
}

/// Creates a folder and its parents.
///
/// # Errors
/// It cannot be created; the error names it.
pub fn create_dir_all(path: &Path) -> Result<()> {
    fs::create_dir_all(path).context(format!("cannot create the folder {}", path.display()))
}

/// Removes a file or a whole folder; one that is not there is no error.
///
/// # Errors
/// Something in it cannot be removed; the error names the path.
pub fn remove(path: &Path) -> Result<()> {
    let result = match fs::symlink_metadata(path) {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match result {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        other => other.context(format!("cannot remove {}", path.display())),
    }
}

/// Renames within one file system.
///
/// # Errors
/// It cannot be renamed; the error names both ends.
pub fn rename(from: &Path, to: &Path) -> Result<()> {
    fs::rename(from, to).context(format!(
        "cannot rename {} to {}",
        from.display(),
        to.display()
    ))
}

/// Writes a whole file. Not atomically and not durably: for folders that are published whole.
///
/// # Errors
/// It cannot be written; the error names it.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).context(format!("cannot write {}", path.display()))
}

/// Writes a file with mode `mode` so that a reader sees the old content or the new, never a part:
/// temporary file in the same folder, fsync, rename, fsync of the folder.
///
/// # Errors
/// It cannot be written; the error names it and an earlier file stays.
pub fn write_atomic(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let written = write_beside(path, bytes, mode)?;
    let what = || format!("cannot write {}", path.display());
    written.as_file().sync_all().context(what())?;
    written.persist(path).map_err(|e| e.error).context(what())?;
    sync_folder(folder_of(path))
}

/// Writes a file as [`write_atomic`] does, but for the disk's sake: a reader sees the old content or the new whatever process
/// dies, and after a power cut the file may be empty. For what a power cut ends anyway. Four syncs less are some 3 ms
/// on an idle disk, and ten times that on a busy one.
///
/// # Errors
/// It cannot be written; the error names it and an earlier file stays.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    let written = write_beside(path, bytes, mode)?;
    let what = || format!("cannot write {}", path.display());
    written.persist(path).map_err(|e| e.error).context(what())?;
    Ok(())
}

fn folder_of(path: &Path) -> &Path {
    path.parent()
        .filter(|parent| !parent.as_os_str().is_empty())
        .unwrap_or(Path::new("."))
}

/// A temporary file in the folder of `path`, which is made.
fn write_beside(path: &Path, bytes: &[u8], mode: u32) -> Result<tempfile::NamedTempFile> {
    let what = || format!("cannot write {}", path.display());
    let parent = folder_of(path);
    create_dir_all(parent)?;
    let mut file = tempfile::Builder::new()
        .prefix(".tmp-")
        .tempfile_in(parent)
        .context(what())?;
    file.write_all(bytes).context(what())?;
    file.as_file()
        .set_permissions(Permissions::from_mode(mode))
        .context(what())?;
    Ok(file)
}

/// What the file system knows of a file; a symbolic link is followed.
///
/// # Errors
/// It does not exist or may not be seen; the error names it.
pub fn metadata(path: &Path) -> Result<fs::Metadata> {
    fs::metadata(path).context(format!("cannot stat {}", path.display()))
}

/// Sets the permission bits of a file or folder.
///
/// # Errors
/// They cannot be set; the error names it.
pub fn set_mode(path: &Path, mode: u32) -> Result<()> {
    fs::set_permissions(path, Permissions::from_mode(mode))
        .context(format!("cannot set the mode of {}", path.display()))
}

/// Paths in a folder, sorted, so that nothing depends on the order of the disk.
///
/// # Errors
/// It cannot be listed; the error names it.
pub fn list(folder: &Path) -> Result<Vec<PathBuf>> {
    let what = || format!("cannot list {}", folder.display());
    let entries = fs::read_dir(folder).context(what())?;
    let mut paths = entries
        .map(|entry| Ok(entry.context(what())?.path()))
        .collect::<Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

/// Sum of the lengths of the regular files in and below a folder, in bytes.
///
/// # Errors
/// Something in it cannot be read.
pub fn size_below(path: &Path) -> Result<u64> {
    let what = || format!("cannot stat {}", path.display());
    let meta = fs::symlink_metadata(path).context(what())?;
    if !meta.is_dir() {
        return Ok(if meta.is_file() { meta.len() } else { 0 });
    }
    list(path)?.iter().map(|path| size_below(path)).sum()
}

/// Bytes that a file, or a folder with all below it, takes on the disk: holes take none, nor does what goes away
/// while the folder is read.
///
/// # Errors
/// The path does not exist, or something in it cannot be read.
pub fn disk_usage(path: &Path) -> Result<u64> {
    used_below(path).context(format!("cannot read the size of {}", path.display()))
}

fn used_below(path: &Path) -> std::io::Result<u64> {
    use std::os::unix::fs::MetadataExt;
    let meta = fs::symlink_metadata(path)?;
    let mut bytes = meta.blocks() * 512; // stat(2): whatever the file system's blocks are
    if meta.is_dir() {
        for entry in fs::read_dir(path)? {
            bytes += match used_below(&entry?.path()) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => 0,
                other => other?,
            };
        }
    }
    Ok(bytes)
}

/// Makes renames inside a folder durable.
///
/// # Errors
/// The folder cannot be opened or synced.
pub fn sync_folder(path: &Path) -> Result<()> {
    open(path)?
        .sync_all()
        .context(format!("cannot sync the folder {}", path.display()))
}

/// Copies a file without spending space where the file system shares extents, and keeping holes where
/// it does not. The copy has mode `mode`.
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

/// How [`share`] made a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sharing {
    /// A file of its own on shared extents: a change of one never shows in the other.
    Reflink,
    /// A second name of the same file.
    HardLink,
    /// A copy, which took time and space.
    Copy,
}

/// Makes `to` the same bytes as `from`, with mode `mode`, the cheapest way that the file systems offer. Where that is
/// a hard link, `from` gets the mode as well.
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
        let Range { start, end } = sparse::next_data(source, at, length)?;
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
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn errors_name_the_path() {
        let error = read(Path::new("/no/such/file")).unwrap_err();
        assert_eq!(error.to_string(), "cannot read /no/such/file");
    }

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

    #[test]
    fn an_atomic_write_replaces_and_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        write_atomic(&path, b"1", 0o644).unwrap();
        write_atomic(&path, b"2", 0o600).unwrap();
        assert_eq!(read(&path).unwrap(), b"2");
        replace(&path, b"3", 0o640).unwrap();
        assert_eq!(read(&path).unwrap(), b"3");
        assert_eq!(metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
