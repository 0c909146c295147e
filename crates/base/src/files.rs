//! File operations whose errors carry the path.

mod atomic;
mod copy;
mod holes;
mod size;

use std::fs::{self, File, Permissions};
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::{Context, Result};

pub use atomic::{replace, write_atomic};
pub use copy::{Sharing, copy, share};
pub use holes::next_data;
pub use size::{disk_usage, size_below};

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

/// Removes a file or a whole folder, if it exists.
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

/// Writes a whole file, neither atomically nor durably: for a file in a folder that is published as a whole.
///
/// # Errors
/// It cannot be written; the error names it.
pub fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    fs::write(path, bytes).context(format!("cannot write {}", path.display()))
}

/// Size, times and permission bits of a file; of the target, for a symbolic link.
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

/// Makes renames inside a folder durable.
///
/// # Errors
/// The folder cannot be opened or synced.
pub fn sync_folder(path: &Path) -> Result<()> {
    open(path)?
        .sync_all()
        .context(format!("cannot sync the folder {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_name_the_path() {
        let error = read(Path::new("/no/such/file")).unwrap_err();
        assert_eq!(error.to_string(), "cannot read /no/such/file");
    }
}
