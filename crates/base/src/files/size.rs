//! The sizes of files and folders.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use super::list;
use crate::{Context, Result};

/// The sum of the lengths of the regular files in and below a folder, in bytes.
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

/// The bytes that a file, or a folder with all below it, takes on the disk. Holes take none; a file that disappears
/// while the folder is read counts as none.
///
/// # Errors
/// The path does not exist, or something in it cannot be read.
pub fn disk_usage(path: &Path) -> Result<u64> {
    used_below(path).context(format!("cannot read the size of {}", path.display()))
}

fn used_below(path: &Path) -> std::io::Result<u64> {
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
