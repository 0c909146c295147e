//! The public keys of an archive, data of the project.

use std::path::{Path, PathBuf};

use kindling_base::{Error, Result, did_you_mean};

/// The keyring called `name` in `folder`: `name.asc` (armored) or `name.gpg` (binary).
///
/// # Errors
/// Neither exists; the hint names near ones.
pub fn find(folder: &Path, name: &str) -> Result<PathBuf> {
    for ending in ["asc", "gpg"] {
        let path = folder.join(format!("{name}.{ending}"));
        if path.is_file() {
            return Ok(path);
        }
    }
    let mut known: Vec<String> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.map(|entry| entry.path()))
        .filter_map(|path| path.ok())
        .filter(|path| path.extension().is_some_and(|e| e == "asc" || e == "gpg"))
        .filter_map(|path| Some(path.file_stem()?.to_str()?.to_owned()))
        .collect();
    known.sort();
    let hint = did_you_mean(name, &known).unwrap_or_else(|| {
        format!(
            "put the archive's public keys there as {name}.asc or {name}.gpg (recipes/keyrings/README.md says where the \
             archives publish them); keyrings that exist: {}",
            known.join(", ")
        )
    });
    Err(Error::user(format!("no keyring `{name}` in {}", folder.display())).hint(hint))
}
