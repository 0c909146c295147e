//! The content-addressed store: a folder that builds share safely.
//!
//!
//! ```text
//! blobs/ab/abcdef...      downloads, named by their SHA-256, read-only
//! stages/NAME/KEY/        results of stages, named by the hash of everything that went in
//! work/NAME/              folders that outlive a build, such as a kernel's object files
//! staging/                results being made; renamed into place when whole
//! locks/                  one file a key
//! uses/                   what each open store was given, so that a garbage collection leaves it
//! ```
//!
//! **Everything at its final name is whole**: it was written under a temporary name, synced, then renamed. Whoever finds
//! a leftover and holds the key's lock may delete it.

mod blob;
mod gc;
pub mod seal;
mod session;
mod stage;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kindling_base::{Error, Result, files, folders};

pub use blob::BlobWriter;
pub use gc::{Collected, Entry, Limits};

use session::Session;

/// An open store; clones are cheap. No garbage collection removes what the store handed out, until its last clone is
/// dropped.
#[derive(Clone, Debug)]
pub struct Store {
    root: PathBuf,
    session: Arc<Session>,
}

impl Store {
    /// Opens the store in `root`, creating it where it does not exist.
    ///
    /// # Errors
    /// The folder cannot be created or written.
    pub fn open(root: &Path) -> Result<Self> {
        for part in ["blobs", "stages", "work", "staging", "locks"] {
            files::create_dir_all(&root.join(part))?;
        }
        blob::remove_abandoned(&root.join("staging"));
        let root = files::absolute(root)?;
        Ok(Self {
            session: Arc::new(Session::open(&root)?),
            root,
        })
    }

    /// The folder of the store by default: `$KINDLING_STORE`, else `$XDG_CACHE_HOME/kindling`, else
    /// `~/.cache/kindling`.
    ///
    /// # Errors
    /// None of these variables and no home folder is set.
    pub fn default_root() -> Result<PathBuf> {
        folders::named("KINDLING_STORE")
            .or_else(|| Some(folders::cache()?.join("kindling")))
            .ok_or_else(|| {
                Error::user("no place for the store: neither KINDLING_STORE nor HOME is set")
                    .hint("set KINDLING_STORE to a folder with some gigabytes of space")
            })
    }

    /// The store's folder.
    pub fn root(&self) -> &Path {
        &self.root
    }
}
