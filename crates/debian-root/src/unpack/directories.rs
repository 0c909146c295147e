//! The directories of a batch of packages, whose attributes are set when all files are in.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use kindling_base::{Context, Result};
use kindling_tree::Entry;

use crate::root::{Root, place};

/// Directories by canonical path. Shared between threads; the outcome does not depend on who comes first.
#[derive(Default)]
pub(super) struct Directories(Mutex<BTreeMap<Vec<u8>, Directory>>);

/// A directory of the batch, as the first package in order has it.
struct Directory {
    rank: usize,
    entry: Entry,
    created: bool,
}

impl Directories {
    /// Adds a directory as a package has it; `rank` is the package's place in the batch.
    pub(super) fn add(&self, path: Vec<u8>, rank: usize, entry: Entry, created: bool) {
        let mut directories = self.held();
        let known = directories.entry(path).or_insert_with(|| Directory {
            rank,
            entry: entry.clone(),
            created: false,
        });
        known.created |= created;
        if rank < known.rank {
            (known.rank, known.entry) = (rank, entry);
        }
    }

    /// Gives the directories that the batch created their attributes.
    ///
    /// # Errors
    /// The system refuses one of them.
    pub(super) fn finish(&self, root: &Root) -> Result<()> {
        for (path, directory) in self.held().iter() {
            if directory.created {
                let what = format!("cannot unpack `/{}`", String::from_utf8_lossy(path));
                place::finish_directory(root, path, &directory.entry).context(what)?;
            }
        }
        Ok(())
    }

    fn held(&self) -> MutexGuard<'_, BTreeMap<Vec<u8>, Directory>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
