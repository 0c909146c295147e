//! The manifest of a snapshot: the contents of its `snapshot.json`.

use std::path::{Path, PathBuf};

use kindling_base::{Error, Result, files, parallel, sparse};
use serde::{Deserialize, Serialize};

use super::Engine;
use crate::vm::spec::Spec;
use crate::vmm::{MEMORY, STATE};

/// The version of this format; another one is refused. It counts the machine's devices too, whose state a file has:
/// 2 is QEMU's on TCG without the first PCs' timer and interrupt controller.
pub(super) const SCHEMA: u32 = 2;

/// A snapshot's `snapshot.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SnapshotManifest {
    /// The version of this format.
    pub schema: u32,
    /// Milliseconds since 1970: where the guest's clock stands.
    pub saved_at_ms: u64,
    /// Milliseconds for which the VM stood still.
    pub paused_ms: u64,
    /// The engine that can resume it.
    pub engine: Engine,
    /// The VM that was saved, with the hash of its bundle; its disk is the snapshot's.
    pub spec: Spec,
    /// The files of the machine.
    pub files: Vec<SavedFile>,
}

/// A file of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedFile {
    /// Its name in the snapshot's folder.
    pub file: PathBuf,
    /// Its length in bytes, holes included.
    pub size: u64,
    /// SHA-256, lowercase hexadecimal.
    pub sha256: String,
}

impl SnapshotManifest {
    /// Reads the manifest of the snapshot in `folder`.
    ///
    /// # Errors
    /// It is missing, does not parse or has another schema.
    pub(super) fn load(path: &Path) -> Result<Self> {
        let bytes = files::read(path)?;
        let parse = |error| {
            Error::user(format!("{} does not parse", path.display()))
                .because(error)
                .hint("take the snapshot again")
        };
        let schema: Schema = serde_json::from_slice(&bytes).map_err(parse)?;
        if schema.schema != SCHEMA {
            return Err(
                Error::user(format!("{} has another format", path.display()))
                    .note(format!("expected schema {SCHEMA}"))
                    .note(format!("found    schema {}", schema.schema))
                    .hint("take the snapshot again with this version of kindling"),
            );
        }
        serde_json::from_slice(&bytes).map_err(parse)
    }

    /// The SHA-256 of one of its files.
    pub(super) fn sha256(&self, file: &Path) -> Option<&str> {
        let found = self.files.iter().find(|saved| saved.file == file);
        found.map(|saved| saved.sha256.as_str())
    }

    /// Compares the files in `folder` with what is written down: their sizes, and with `bytes` every byte.
    ///
    /// # Errors
    /// One is missing or differs; the error shows both sides.
    pub(super) fn verify(&self, folder: &Path, bytes: bool) -> Result<()> {
        for saved in &self.files {
            let path = folder.join(&saved.file);
            let found = SavedFile {
                size: files::metadata(&path)?.len(),
                sha256: if bytes {
                    sparse::hash(&path)?
                } else {
                    saved.sha256.clone()
                },
                file: saved.file.clone(),
            };
            if found != *saved {
                let side = |f: &SavedFile| format!("{} bytes, sha256 {}", f.size, f.sha256);
                return Err(Error::user(format!("{} was changed", path.display()))
                    .note(format!("expected {}", side(saved)))
                    .note(format!("found    {}", side(&found)))
                    .hint("remove the snapshot and take it again"));
            }
        }
        Ok(())
    }
}

/// Hashes what a saved machine in `folder` consists of, its disk included.
///
/// # Errors
/// A file cannot be read.
pub(super) fn list_files(folder: &Path, disk: &Path) -> Result<Vec<SavedFile>> {
    let names = [Path::new(MEMORY), Path::new(STATE), disk];
    let there = names.into_iter().filter(|name| folder.join(name).exists());
    let there: Vec<&Path> = there.collect();
    parallel::each(&there, there.len(), |name| hash(folder, name))
}

fn hash(folder: &Path, name: &Path) -> Result<SavedFile> {
    let path = folder.join(name);
    Ok(SavedFile {
        file: name.to_owned(),
        size: files::metadata(&path)?.len(),
        sha256: sparse::hash(&path)?,
    })
}

/// The version alone, which tells whether the rest can be read.
#[derive(Deserialize)]
struct Schema {
    schema: u32,
}
