//! A moment in a tree's life, by the clock of its file system.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::Duration;

use kindling_base::{Result, files};

/// Longer than the tick by which file systems measure time: 10 ms at most.
const TICK: Duration = Duration::from_millis(20);

/// A moment in a tree's life, after which every change shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Mark(i64, i64);

impl Mark {
    /// Now, by the clock of the tree's file system.
    ///
    /// # Errors
    /// The tree cannot be written.
    pub(crate) fn set(root: &Path) -> Result<Self> {
        std::thread::sleep(TICK);
        let path = root.join(".kindling-mark");
        files::write(&path, b"")?;
        let meta = files::metadata(&path)?;
        files::remove(&path)?;
        std::thread::sleep(TICK);
        Ok(Self(meta.ctime(), meta.ctime_nsec()))
    }

    /// Whether a file was changed since.
    pub(crate) fn is_before(self, meta: &std::fs::Metadata) -> bool {
        self < Self(meta.ctime(), meta.ctime_nsec())
    }
}
