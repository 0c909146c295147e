//! Appends to the files of dpkg's database.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use kindling_base::{Context, Result};

/// Adds bytes at the end of a file, which is made if it is missing.
///
/// # Errors
/// It cannot be written.
pub(super) fn append(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut options = File::options();
    options.append(true).create(true).mode(0o644);
    options
        .open(path)
        .and_then(|mut file| file.write_all(bytes))
        .context(format!("cannot write {}", path.display()))
}
