//! Results of stages: folders named by the hash of everything that went in.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use kindling_base::{Context, Lock, Outcome, Result, files};

use crate::{Store, session};

impl Store {
    /// The result of `stage` for `key`, if the store has it.
    pub fn stage(&self, stage: &str, key: &str) -> Option<PathBuf> {
        self.session.take(self.stage_path(stage, key))
    }

    /// Returns the result of `stage` for `key`, made by `make` in an empty folder where it is missing.
    ///
    /// Of two builds that want one key, one makes the result and the other waits for it, after one call of `waiting`.
    /// If `make` fails or the process dies, the store has no result, and the next call starts again.
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

    /// Removes a result, if there is one: the next call makes it again.
    ///
    /// # Errors
    /// It cannot be removed.
    pub fn discard(&self, stage: &str, key: &str, waiting: impl FnOnce()) -> Result<()> {
        let _lock = self.lock(&format!("{stage}-{key}"), waiting)?;
        let _shared = session::shared(&self.root)?; // a collection that has seen it finds it
        files::remove(&self.stage_path(stage, key))
    }

    /// Takes a result, a folder with all that is in it, from another store.
    ///
    /// # Errors
    /// It cannot be read, or the store cannot be written.
    pub fn adopt_stage(&self, stage: &str, key: &str, from: &Path) -> Result<()> {
        self.stage_or_make(stage, key, || {}, |to| adopt(from, to))
            .map(drop)
    }

    /// Opens a folder that outlives builds, and locks it until the lock is dropped.
    ///
    /// Programs that are started meanwhile inherit the lock: if this process is killed, the next build waits until the
    /// last of them has ended.
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

/// Makes a folder and everything below it durable, so that a rename never publishes unwritten data. Goes file by file:
/// there are few, and a sync of the whole file system would wait for the writes of others.
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

/// Links the files of a folder into another one; folders and symbolic links are made anew.
fn adopt(from: &Path, to: &Path) -> Result<()> {
    for path in files::list(from)? {
        let adopted = to.join(path.file_name().unwrap_or_default());
        let what = || format!("cannot adopt {}", path.display());
        let about = path.symlink_metadata().context(what())?;
        if about.is_symlink() {
            let target = path.read_link().context(what())?;
            std::os::unix::fs::symlink(target, &adopted).context(what())?;
        } else if about.is_dir() {
            files::create_dir_all(&adopted)?;
            adopt(&path, &adopted)?;
            files::set_mode(&adopted, about.permissions().mode() & 0o7777)?;
        } else {
            crate::blob::link(&path, &adopted)?;
            files::set_mode(&adopted, about.permissions().mode() & 0o7777)?; // a copy has that of downloads
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicU32, Ordering};

    use kindling_base::Error;

    use super::*;

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
    fn builds_of_one_key_make_it_once() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::open(folder.path()).unwrap();
        let made = AtomicU32::new(0);
        // The one that makes the result has not finished before all others wait, or make it too.
        let met = Barrier::new(4);
        let make = |_: &Path| {
            made.fetch_add(1, Ordering::SeqCst);
            met.wait();
            Ok(())
        };
        let build = || {
            let waiting = || {
                met.wait();
            };
            store.stage_or_make("rootfs", "k", waiting, make).unwrap().1
        };
        let outcomes: Vec<Outcome> = std::thread::scope(|scope| {
            let builds: Vec<_> = (0..4).map(|_| scope.spawn(build)).collect();
            let ended = builds.into_iter().map(|build| build.join().unwrap());
            ended.collect()
        });
        let built = outcomes.iter().filter(|one| **one == Outcome::Built);
        assert_eq!((made.load(Ordering::SeqCst), built.count()), (1, 1));
    }

    #[test]
    fn a_whole_tree_is_adopted() {
        let folder = tempfile::tempdir().unwrap();
        let from = folder.path().join("from");
        files::create_dir_all(&from.join("root/usr/bin")).unwrap();
        files::write(&from.join("root/usr/bin/gcc"), b"a compiler").unwrap();
        files::set_mode(&from.join("root/usr/bin/gcc"), 0o755).unwrap();
        std::os::unix::fs::symlink("usr/bin", from.join("root/bin")).unwrap();
        files::write(&from.join("note"), b"").unwrap();
        let store = Store::open(&folder.path().join("store")).unwrap();
        store.adopt_stage("tools", "key", &from).unwrap();
        let adopted = store.stage("tools", "key").unwrap();
        let gcc = adopted.join("root/bin/gcc");
        assert_eq!(files::read(&gcc).unwrap(), b"a compiler");
        let mode = gcc.metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o755);
        assert!(adopted.join("root/bin").is_symlink());
        assert!(adopted.join("note").is_file());
    }
}
