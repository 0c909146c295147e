//! Tarballs in the store: unzipped, one result of a stage for each.

use std::path::PathBuf;

use kindling_base::{Error, Result};
use kindling_store::Store;

use crate::integrity;
use crate::locked::LockedNpm;

/// The stage under which the store keeps a package; its key is the hash of its tarball.
pub const STAGE: &str = "npm";

/// Name of the unzipped tarball in its stage's folder.
pub const TARBALL: &str = "package.tar";

/// The key of a package in the store.
///
/// # Errors
/// The lock's hash is malformed.
pub fn key(package: &LockedNpm) -> Result<String> {
    integrity::to_hex(&package.integrity).ok_or_else(|| {
        Error::user(format!(
            "the lock's integrity of {} is no SHA-512: {}",
            package.name, package.integrity
        ))
        .hint("restore the lock from version control, or write it anew with `cargo xtask lock`")
    })
}

/// The unzipped tarball of each package, in order, if the store has them all.
///
/// # Errors
/// The lock's hash of one is malformed.
pub fn stored(packages: &[LockedNpm], store: &Store) -> Result<Option<Vec<PathBuf>>> {
    let keys: Vec<String> = packages.iter().map(key).collect::<Result<_>>()?;
    let path = |key: &String| Some(store.stage(STAGE, key)?.join(TARBALL));
    Ok(keys.iter().map(path).collect())
}
