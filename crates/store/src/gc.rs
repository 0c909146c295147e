//! Garbage collection, which bounds the store by size and by age.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use kindling_base::{Context, Lock, Result, files};

use crate::{Store, session};

/// The bounds of the store.
#[derive(Clone, Copy, Debug, Default)]
pub struct Limits {
    /// Bytes on the disk in all; the entry that was used longest ago goes first.
    pub bytes: Option<u64>,
    /// Time since the last use.
    pub age: Option<Duration>,
}

/// The result of a collection, or of a dry run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Collected {
    /// The entries that were removed, in the order in which they were chosen.
    pub removed: Vec<Entry>,
    /// Bytes of the entries that are left.
    pub kept_bytes: u64,
    /// The number of entries that are left.
    pub kept: usize,
    /// The number of entries that are left only because a build uses them.
    pub in_use: usize,
}

/// A blob, a stage's result or a work folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Path below the store's root: `blobs/ab/abc...`, `stages/rootfs/...`.
    pub name: PathBuf,
    /// Bytes that it takes on the disk.
    pub bytes: u64,
    /// The time of its last use; `None` for a result that a dead build left unfinished.
    pub used: Option<SystemTime>,
}

impl Store {
    /// Removes entries until the store is within `limits`, and unfinished results of dead builds. Entries that an open
    /// store of any process uses stay. With `dry_run`, entries are chosen but not removed.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub fn collect_garbage(
        &self,
        limits: &Limits,
        now: SystemTime,
        dry_run: bool,
    ) -> Result<Collected> {
        let root = self.root();
        let alone = Lock::acquire(&root.join("locks/gc"), || {})?;
        let used = session::in_use(root)?;
        let mut entries = entries(root)?;
        entries.sort_by_key(|entry| entry.used);
        let mut total: u64 = entries.iter().map(|entry| entry.bytes).sum();
        let mut collected = Collected::default();
        let (half_made, _locks) = left_half_made(self)?;
        collected.removed = half_made;
        for entry in entries {
            let too_old = limits.age.is_some_and(|limit| {
                let age = entry.used.and_then(|used| now.duration_since(used).ok());
                age.is_some_and(|age| age > limit)
            });
            let too_much = limits.bytes.is_some_and(|limit| total > limit);
            let busy = used.contains(&root.join(&entry.name)) || is_worked_in(root, &entry.name)?;
            if (too_old || too_much) && !busy {
                total -= entry.bytes;
                collected.removed.push(entry);
            } else {
                collected.kept += 1;
                collected.in_use += usize::from(too_old || too_much);
            }
        }
        collected.kept_bytes = total;
        if dry_run {
            return Ok(collected);
        }
        // Renaming is quick, so that builds that look things up wait for moments only; removing is not.
        let bin = tempfile::Builder::new()
            .prefix("gc-")
            .tempdir_in(root.join("staging"));
        let bin = bin.context(format!(
            "cannot create a folder in {}",
            root.join("staging").display()
        ))?;
        let name = bin.path().file_name().unwrap_or_default();
        let bin_lock = root.join("locks").join(name);
        let _busy = Lock::acquire(&bin_lock, || {})?; // so that no other collection takes it for a dead one's
        for (number, entry) in collected.removed.iter().enumerate() {
            files::rename(
                &root.join(&entry.name),
                &bin.path().join(number.to_string()),
            )?;
        }
        drop(alone);
        files::remove(bin.path())?;
        files::remove(&bin_lock)?;
        Ok(collected)
    }
}

/// All blobs, results and work folders, in no order.
fn entries(root: &Path) -> Result<Vec<Entry>> {
    let mut found = Vec::new();
    for (folder, depth) in [("blobs", 2), ("stages", 2), ("work", 1)] {
        let mut paths = vec![root.join(folder)];
        for _ in 0..depth {
            let below = paths
                .iter()
                .map(|path| files::list(path))
                .collect::<Result<Vec<_>>>()?;
            paths = below.concat();
        }
        // The notes on published bundles are small, and useful as long as the bundles are there.
        paths.retain(|path| *path != root.join("work/bundles"));
        for path in paths {
            found.push(entry(root, &path, true)?);
        }
    }
    Ok(found)
}

/// Entries of `staging/` that nobody makes any more, and locks that keep others from making them.
fn left_half_made(store: &Store) -> Result<(Vec<Entry>, Vec<Lock>)> {
    let root = store.root();
    let (mut left, mut locks) = (Vec::new(), Vec::new());
    for path in files::list(&root.join("staging"))? {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        if name.starts_with(crate::blob::PREFIX) {
            continue; // a download may be writing it; opening the store removes those of dead ones
        }
        let lock = root.join("locks").join(name.as_ref());
        if let Some(lock) = Lock::try_acquire(&lock)? {
            if path.symlink_metadata().is_err() {
                continue; // it was finished between the list and the lock
            }
            left.push(entry(root, &path, false)?);
            locks.push(lock);
        }
    }
    Ok((left, locks))
}

/// Whether the lock of a work folder is held.
fn is_worked_in(root: &Path, name: &Path) -> Result<bool> {
    let Ok(work) = name.strip_prefix("work") else {
        return Ok(false);
    };
    let lock = root.join("locks").join(format!("work-{}", work.display()));
    Ok(Lock::try_acquire(&lock)?.is_none())
}

fn entry(root: &Path, path: &Path, with_time: bool) -> Result<Entry> {
    let meta = files::metadata(path)?;
    let used = meta
        .modified()
        .context(format!("cannot read {}", path.display()))?;
    Ok(Entry {
        name: path.strip_prefix(root).unwrap_or(path).to_owned(),
        bytes: files::disk_usage(path)?,
        used: with_time.then_some(used),
    })
}

#[cfg(test)]
mod tests;
