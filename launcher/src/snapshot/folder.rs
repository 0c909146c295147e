//! The folder of snapshots.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use kindling_base::{Context, Error, Lock, Result, did_you_mean, files};
use rustix::fs::{CWD, RenameFlags, renameat_with};
use tempfile::TempDir;

use super::SnapshotManifest;
use crate::vm::{StateFolder, is_name, stem_of};

const MANIFEST: &str = "snapshot.json";
const LOCK: &str = "lock";

/// All snapshots of a state folder.
#[derive(Clone, Debug)]
pub struct Snapshots {
    root: PathBuf,
}

/// A snapshot.
#[derive(Clone, Debug)]
pub struct Snapshot {
    /// Its name.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Its manifest.
    pub manifest: SnapshotManifest,
}

impl Snapshot {
    /// Bytes that it takes on disk, without what it shares with the bundle.
    ///
    /// # Errors
    /// It cannot be read.
    pub fn disk_usage(&self) -> Result<u64> {
        let files = self.manifest.files.iter();
        files
            .map(|saved| files::disk_usage(&self.folder.join(&saved.file)))
            .sum()
    }
}

/// A snapshot being made; goes when it is dropped.
#[derive(Debug)]
pub(super) struct Staging {
    folder: TempDir,
    _lock: Lock,
}

impl Staging {
    pub(super) fn path(&self) -> &Path {
        self.folder.path()
    }
}

impl Snapshots {
    /// Opens the snapshots of a state folder, and clears away what a crash left half-made.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub fn open(state: &StateFolder) -> Result<Self> {
        Self::open_at(state.root().join("snapshots"))
    }

    pub(super) fn open_at(root: PathBuf) -> Result<Self> {
        files::create_dir_all(&root)?;
        files::set_mode(&root, 0o700)?; // a guest's memory holds its secrets
        let snapshots = Self { root };
        for left in snapshots.names(|name| name.starts_with(".new-"))? {
            let folder = snapshots.root.join(left);
            let lock = folder.join(LOCK);
            // Without a lock it is about to have one, or was about to when something crashed: a moment in either case.
            if lock.exists() && Lock::try_acquire(&lock)?.is_some() {
                files::remove(&folder)?;
            }
        }
        Ok(snapshots)
    }

    /// All snapshots, sorted by name; and an error for each folder that does not describe one.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn list(&self) -> Result<(Vec<Snapshot>, Vec<Error>)> {
        let (mut snapshots, mut broken) = (Vec::new(), Vec::new());
        for name in self.names(is_name)? {
            match self.load(&name) {
                Ok(snapshot) => snapshots.push(snapshot),
                Err(error) => broken.push(error),
            }
        }
        Ok((snapshots, broken))
    }

    /// The snapshot of this name.
    ///
    /// # Errors
    /// There is no such snapshot (the error has near names), or it is broken.
    pub fn find(&self, name: &str) -> Result<Snapshot> {
        if is_name(name) && self.root.join(name).is_dir() {
            return self.load(name);
        }
        let error = Error::user(format!("there is no snapshot called `{name}`"));
        let names = self.names(is_name)?;
        Err(if let Some(hint) = did_you_mean(name, &names) {
            error.hint(hint)
        } else if names.is_empty() {
            error.hint("there are no snapshots: take one with `kindling snapshot VM`")
        } else {
            error.hint("`kindling snapshots` lists all of them")
        })
    }

    /// Removes a snapshot. VMs that were resumed from it go on.
    ///
    /// # Errors
    /// There is no such snapshot, or its files cannot be removed.
    pub fn remove(&self, name: &str) -> Result<()> {
        let folder = self.root.join(name);
        if !is_name(name) || !folder.is_dir() {
            return self.find(name).map(drop);
        }
        let gone = self.stage()?;
        files::rename(&folder, &gone.path().join("gone"))?;
        files::remove(gone.path())
    }

    /// A name for a new snapshot: `wanted`, else `stem` with a number where that is taken.
    pub(super) fn free_name(&self, wanted: Option<&str>, stem: &str) -> Result<String> {
        let free = |name: &String| !self.root.join(name).exists();
        let Some(wanted) = wanted else {
            let stem = stem_of(stem);
            let mut numbered = (2u64..).map(|n| format!("{stem}-{n}"));
            let name = Some(stem.clone()).filter(free);
            return Ok(name.or_else(|| numbered.find(free)).unwrap_or_default());
        };
        if !is_name(wanted) {
            let problem = format!("`{wanted}` cannot be a snapshot's name");
            return Err(Error::user(problem)
                .hint("use up to 63 lowercase letters, digits and hyphens inside"));
        }
        if !free(&wanted.to_owned()) {
            return Err(taken(wanted));
        }
        Ok(wanted.to_owned())
    }

    pub(super) fn stage(&self) -> Result<Staging> {
        let what = || format!("cannot make a folder in {}", self.root.display());
        let folder = tempfile::Builder::new()
            .prefix(".new-")
            .permissions(std::fs::Permissions::from_mode(0o700))
            .tempdir_in(&self.root)
            .context(what())?;
        let lock = Lock::acquire(&folder.path().join(LOCK), || {})?;
        Ok(Staging {
            folder,
            _lock: lock,
        })
    }

    /// Gives what was staged its final name.
    pub(super) fn publish(
        &self,
        staging: Staging,
        name: &str,
        manifest: SnapshotManifest,
    ) -> Result<Snapshot> {
        let text = serde_json::to_vec_pretty(&manifest)
            .map_err(|error| Error::internal("cannot write a snapshot as JSON").because(error))?;
        files::write_atomic(&staging.path().join(MANIFEST), &text, 0o600)?;
        files::sync_folder(staging.path())?;
        let folder = self.root.join(name);
        match renameat_with(CWD, staging.path(), CWD, &folder, RenameFlags::NOREPLACE) {
            Ok(()) => {}
            Err(rustix::io::Errno::EXIST) => return Err(taken(name)),
            Err(error) => Err(error).context(format!("cannot make {}", folder.display()))?,
        }
        let _ = staging.folder.keep(); // it has its final name now: nothing is left to clean up
        files::remove(&folder.join(LOCK))?;
        files::sync_folder(&self.root)?;
        Ok(Snapshot {
            name: name.to_owned(),
            folder,
            manifest,
        })
    }

    fn load(&self, name: &str) -> Result<Snapshot> {
        let folder = self.root.join(name);
        Ok(Snapshot {
            name: name.to_owned(),
            manifest: SnapshotManifest::load(&folder.join(MANIFEST))?,
            folder,
        })
    }

    fn names(&self, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>> {
        let what = || format!("cannot list {}", self.root.display());
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.root).context(what())? {
            let name = entry.context(what())?.file_name();
            names.extend(name.to_str().filter(|n| wanted(n)).map(str::to_owned));
        }
        names.sort_unstable();
        Ok(names)
    }
}

fn taken(name: &str) -> Error {
    Error::user(format!("there is a snapshot called `{name}` already")).hint(format!(
        "choose another --name, or remove that one with `kindling snapshots rm {name}`"
    ))
}
