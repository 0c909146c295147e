//! Advisory locks on files, which end with the process that holds them.

use std::fs::{File, TryLockError};
use std::path::Path;

use crate::{Context, Result, files};

/// An exclusive `flock` on a file. It is free again when it is dropped, or when the process ends.
#[derive(Debug)]
pub struct Lock(File);

impl Lock {
    /// Takes the lock, calling `waiting` once if somebody else holds it.
    ///
    /// # Errors
    /// The file cannot be opened or locked.
    pub fn acquire(path: &Path, waiting: impl FnOnce()) -> Result<Self> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                waiting();
                file.lock()
                    .context(format!("cannot lock {}", path.display()))?;
            }
            Err(TryLockError::Error(error)) => {
                Err(error).context(format!("cannot lock {}", path.display()))?
            }
        }
        Ok(Self(file))
    }

    /// Takes the lock, or returns `None` when somebody else holds it.
    ///
    /// # Errors
    /// The file cannot be opened or locked.
    pub fn try_acquire(path: &Path) -> Result<Option<Self>> {
        let file = open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self(file))),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => {
                Err(error).context(format!("cannot lock {}", path.display()))
            }
        }
    }

    /// Lets child processes inherit the lock: it is free again when the last of them has ended, too.
    ///
    /// # Errors
    /// The system refuses the flag.
    pub fn inherit(&self) -> Result<()> {
        let nothing = rustix::io::FdFlags::empty();
        rustix::io::fcntl_setfd(&self.0, nothing).context("cannot make a lock inheritable")
    }

    /// The open file that carries the lock: a child process that inherits it holds the lock too, until
    /// the last copy is closed.
    pub fn into_file(self) -> File {
        self.0
    }
}

fn open(path: &Path) -> Result<File> {
    if let Some(parent) = path.parent() {
        files::create_dir_all(parent)?;
    }
    File::options()
        .create(true)
        .truncate(false)
        .read(true)
        .write(true)
        .open(path)
        .context(format!("cannot open the lock {}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holder_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("locks/key");
        let held = Lock::try_acquire(&path).unwrap();
        assert!(held.is_some());
        assert!(Lock::try_acquire(&path).unwrap().is_none());
        drop(held);
        assert!(Lock::try_acquire(&path).unwrap().is_some());
    }
}
