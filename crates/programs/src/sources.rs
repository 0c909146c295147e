//! The sources of a program for the guest.

use std::path::{Path, PathBuf};

use kindling_base::hash::{self, Hasher};
use kindling_base::{Context, Result, files};

/// The hash of a program's sources, whatever the folder is called that they are in.
///
/// # Errors
/// They cannot be read.
pub fn hash_sources(folder: &Path) -> Result<String> {
    let mut hasher = Hasher::new();
    for path in sources(folder)? {
        let name = path.strip_prefix(folder).unwrap_or(&path);
        hasher
            .field(name.as_os_str().as_encoded_bytes())
            .field(hash::bytes(&files::read(&path)?));
    }
    Ok(hasher.finish())
}

/// The files that determine the program, sorted: the manifest, the lock, the build script and everything in `src/`.
///
/// # Errors
/// The folder cannot be read.
pub fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for name in ["Cargo.toml", "Cargo.lock", "build.rs"] {
        let path = folder.join(name);
        if path.exists() {
            found.push(path);
        }
    }
    let mut folders = vec![folder.join("src")];
    while let Some(folder) = folders.pop() {
        let what = || format!("cannot read the folder {}", folder.display());
        for entry in std::fs::read_dir(&folder).context(what())? {
            let entry = entry.context(what())?;
            match entry.file_type().context(what())?.is_dir() {
                true => folders.push(entry.path()),
                false => found.push(entry.path()),
            }
        }
    }
    found.sort();
    Ok(found)
}
