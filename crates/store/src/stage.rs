//! Stage results: folders named by the hash of everything that went in.

use std::path::{Path, PathBuf};

use kindling_base::{Lock, Outcome, Result, files};

use crate::{Store, session};

impl Store {
    /// The result of `stage` for `key`, if the store has it.
    pub fn stage(&self, stage: &str, key: &str) -> Option<PathBuf> {
        self.session.take(self.stage_path(stage, key))
    }

    /// Returns the result of `stage` for `key`, made by `make` in an empty folder where it is missing.
    ///
    /// Two builds that want one key wait for each other: `waiting` is called once if this one waits.
    /// If `make` fails or the process dies, the store has no result and the next call starts again.
    ///
    /// # Errors
    /// `make` failed or the store cannot be written.
    pub fn stage_or_make(
        &self,
        stage: &str,
        key: &str,
        waiting: impl FnOnce(),
        make: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<(PathBuf, Outcome)> {
        if let Some(path) = self.stage(stage, key) {
            return Ok((path, Outcome::Cached));
        }
        let _lock = self.lock(&format!("{stage}-{key}"), waiting)?;
        if let Some(path) = self.stage(stage, key) {
            return Ok((path, Outcome::Cached));
        }
        let staging = self.root.join("staging").join(format!("{stage}-{key}"));
        files::remove(&staging)?; // what a crash left; we hold the lock
        files::create_dir_all(&staging)?;
        if let Err(error) = make(&staging) {
            let _ = files::remove(&staging); // the first error is the one to show
            return Err(error);
        }
        let path = self.stage_path(stage, key);
        self.session.reserve(&path)?;
        if let Some(parent) = path.parent() {
            files::create_dir_all(parent)?;
        }
        sync(&staging)?;
        files::rename(&staging, &path)?;
        Ok((path, Outcome::Built))
    }

    /// Forgets a result, if there is one: the next call makes it again.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn discard(&self, stage: &str, key: &str, waiting: impl FnOnce()) -> Result<()> {
        let _lock = self.lock(&format!("{stage}-{key}"), waiting)?;
        let _shared = session::shared(&self.root)?; // a collection that has seen it finds it
        files::remove(&self.stage_path(stage, key))
    }

    /// Takes over another store's result, which is a folder of files.
    ///
    /// # Errors
    /// It cannot be read, or the store cannot be written.
    pub fn adopt_stage(&self, stage: &str, key: &str, from: &Path) -> Result<()> {
        let make = |to: &Path| {
            let paths = files::list(from)?;
            paths.iter().try_for_each(|path| {
                crate::blob::link(path, &to.join(path.file_name().unwrap_or_default()))
            })
        };
        self.stage_or_make(stage, key, || {}, make).map(drop)
    }

    /// A folder that outlives builds, and the lock that makes it ours until dropped.
    ///
    /// Programs started meanwhile inherit the lock: if this process is killed, the next build waits until
    /// the last of them has stopped writing.
    ///
    /// # Errors
    /// It cannot be created or locked.
    pub fn work(&self, name: &str, waiting: impl FnOnce()) -> Result<(PathBuf, Lock)> {
        let lock = self.lock(&format!("work-{name}"), waiting)?;
        lock.inherit()?;
        let path = self.root.join("work").join(name);
        self.session.reserve(&path)?;
        files::create_dir_all(&path)?;
        let _ = self.session.take(path.clone()); // marks the time
        Ok((path, lock))
    }

    /// Takes the store's lock of this name.
    ///
    /// # Errors
    /// It cannot be locked.
    pub fn lock(&self, name: &str, waiting: impl FnOnce()) -> Result<Lock> {
        Lock::acquire(&self.root.join("locks").join(name), waiting)
    }

    fn stage_path(&self, stage: &str, key: &str) -> PathBuf {
        self.root.join("stages").join(stage).join(key)
    }
}

/// Makes a folder and what is below it durable, so that a rename never publishes unwritten data. File by file:
/// there are few, and syncing the whole file system would wait for what others write.
fn sync(path: &Path) -> Result<()> {
    use kindling_base::Context;
    let what = || format!("cannot sync {}", path.display());
    let kind = std::fs::symlink_metadata(path).context(what())?.file_type();
    if kind.is_dir() {
        files::list(path)?.iter().try_for_each(|path| sync(path))?;
    }
    if kind.is_dir() || kind.is_file() {
        files::open(path)?.sync_all().context(what())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_base::Error;

    #[test]
    fn a_result_is_made_once_and_a_failed_one_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let failed = store.stage_or_make(
            "kernel",
            "k1",
            || {},
            |at| {
                std::fs::write(at.join("half"), b"x").unwrap();
                Err(Error::external("make failed"))
            },
        );
        assert!(failed.is_err());
        assert_eq!(store.stage("kernel", "k1"), None);
        let make = |at: &Path| {
            assert!(!at.join("half").exists());
            std::fs::write(at.join("vmlinux"), b"elf").unwrap();
            Ok(())
        };
        let (path, outcome) = store.stage_or_make("kernel", "k1", || {}, make).unwrap();
        assert_eq!(
            (outcome, path.join("vmlinux").exists()),
            (Outcome::Built, true)
        );
        let (_, outcome) = store
            .stage_or_make("kernel", "k1", || {}, |_| unreachable!())
            .unwrap();
        assert_eq!(outcome, Outcome::Cached);
    }

    #[test]
    fn a_discarded_result_is_made_again() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let make = |at: &Path| {
            std::fs::create_dir(at.join("folder")).unwrap();
            std::fs::write(at.join("folder/file"), b"x").unwrap();
            Ok(())
        };
        store.stage_or_make("rootfs", "k", || {}, make).unwrap();
        store.discard("rootfs", "k", || {}).unwrap();
        assert_eq!(store.stage("rootfs", "k"), None);
        let (_, outcome) = store.stage_or_make("rootfs", "k", || {}, make).unwrap();
        assert_eq!(outcome, Outcome::Built);
    }

    #[test]
    fn two_builds_of_one_key_make_it_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let made = std::sync::atomic::AtomicU32::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    store
                        .stage_or_make(
                            "rootfs",
                            "k",
                            || {},
                            |_| {
                                made.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
                                std::thread::sleep(std::time::Duration::from_millis(50));
                                Ok(())
                            },
                        )
                        .unwrap();
                });
            }
        });
        assert_eq!(made.into_inner(), 1);
    }
}
