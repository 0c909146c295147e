//! The list of what an open store uses, so that a garbage collection of another process leaves it alone.
//!
//! Each open store has a file in `uses/`, locked as long as it lives, with one line for each blob, stage or work
//! folder that it was given. Whoever looks something up holds `locks/gc` shared until the use is written down; a
//! collection holds it alone, so nothing goes between a look and its note.

use std::collections::HashSet;
use std::fs::{File, TryLockError};
use std::io::{ErrorKind, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use kindling_base::{Context, Result, files};
use tempfile::NamedTempFile;

/// An open store's list of uses. Its file is removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Session {
    root: PathBuf,
    noted: Mutex<(HashSet<String>, NamedTempFile)>,
}

impl Session {
    pub(crate) fn open(root: &Path) -> Result<Self> {
        let folder = root.join("uses");
        files::create_dir_all(&folder)?;
        let what = || format!("cannot create a file in {}", folder.display());
        // Nobody may look between the file's appearance and its lock.
        let _shared = shared(root)?;
        let file = NamedTempFile::new_in(&folder).context(what())?;
        file.as_file().lock().context(what())?;
        Ok(Self {
            root: root.to_owned(),
            noted: Mutex::new((HashSet::new(), file)),
        })
    }

    /// Notes a use of `path` and its time, if the path exists. No collection can remove it between the look and the note.
    pub(crate) fn take(&self, path: PathBuf) -> Option<PathBuf> {
        let _shared = shared(&self.root).ok()?;
        if !path.exists() {
            return None;
        }
        self.note(&path).ok()?;
        touch(&path);
        Some(path)
    }

    /// Notes a use of `path`, where something is about to be put.
    pub(crate) fn reserve(&self, path: &Path) -> Result<()> {
        let _shared = shared(&self.root)?;
        self.note(path)
    }

    fn note(&self, path: &Path) -> Result<()> {
        let name = path
            .strip_prefix(&self.root)
            .unwrap_or(path)
            .to_string_lossy();
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        if noted.0.insert(name.clone().into_owned()) {
            let what = || format!("cannot write {}", noted.1.path().display());
            noted
                .1
                .as_file()
                .write_all(format!("{name}\n").as_bytes())
                .context(what())?;
        }
        Ok(())
    }
}

/// Everything that open stores use, as paths below `root`. Removes the lists of dead processes. The caller must hold
/// `locks/gc` exclusively.
pub(crate) fn in_use(root: &Path) -> Result<HashSet<PathBuf>> {
    let mut used = HashSet::new();
    for path in files::list(&root.join("uses"))? {
        let what = || format!("cannot read {}", path.display());
        let mut list = match File::open(&path) {
            Ok(list) => list,
            Err(error) if error.kind() == ErrorKind::NotFound => continue, // its store was closed meanwhile
            Err(error) => Err(error).context(what())?,
        };
        match list.try_lock() {
            Ok(()) => files::remove(&path)?,
            // Read from the open file: a store that is closed meanwhile takes the name away, not the content.
            Err(TryLockError::WouldBlock) => {
                let mut text = String::new();
                list.read_to_string(&mut text).context(what())?;
                used.extend(text.lines().map(|line| root.join(line)));
            }
            Err(TryLockError::Error(error)) => Err(error).context(what())?,
        }
    }
    Ok(used)
}

/// Holds `locks/gc`, shared with others, until dropped.
pub(crate) fn shared(root: &Path) -> Result<File> {
    let path = root.join("locks/gc");
    let what = || format!("cannot lock {}", path.display());
    let file = File::options()
        .create(true)
        .append(true)
        .open(&path)
        .context(what())?;
    file.lock_shared().context(what())?;
    Ok(file)
}

/// Makes now the time of a path's last use. If that fails, the path merely looks older than it is.
fn touch(path: &Path) {
    let now = SystemTime::now();
    let _ = File::open(path).and_then(|file| file.set_modified(now));
}
