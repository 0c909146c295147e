//! Removing the folders of VMs, and what crashes left of them.

use std::path::Path;

use kindling_base::{Error, Lock, Result, files};

use super::files::LOCK;
use super::folder::StateFolder;
use super::name::is_name;
use super::owned::OwnedVm;

impl StateFolder {
    /// Removes a VM that does not live.
    ///
    /// # Errors
    /// There is no such VM, it lives, or its files cannot be removed.
    pub fn remove(&self, name: &str) -> Result<()> {
        let _guard = self.guard()?;
        let folder = self.folder(name);
        if !is_name(name) || !folder.is_dir() {
            return Err(self.unknown(name)?);
        }
        let Some(_lock) = Lock::try_acquire(&folder.join(LOCK))? else {
            return Err(Error::user(format!("`{name}` is running")).hint(format!(
                "stop it first with `kindling stop {name}`, or use --force"
            )));
        };
        self.take_away(&folder)
    }

    /// Removes a VM of ours.
    ///
    /// # Errors
    /// Its files cannot be removed.
    pub fn remove_owned(&self, owned: &OwnedVm) -> Result<()> {
        self.take_away_guarded(&owned.vm.folder)
    }

    /// Folders of VMs that were being made or removed when something crashed.
    ///
    /// # Errors
    /// The state folder cannot be read.
    pub fn sweep(&self) -> Result<usize> {
        let _guard = self.guard()?; // with it in hand, nobody else makes or removes
        let mut swept = 0;
        for name in self.names(|name| name.starts_with(".new-") || name.starts_with(".gone-"))? {
            files::remove(&self.vms.join(name))?;
            swept += 1;
        }
        Ok(swept)
    }

    /// Removes the folder of a VM whose lock is ours.
    pub(crate) fn take_away_guarded(&self, folder: &Path) -> Result<()> {
        let _guard = self.guard()?;
        self.take_away(folder)
    }

    fn take_away(&self, folder: &Path) -> Result<()> {
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        let gone = self.vms.join(format!(".gone-{name}"));
        files::remove(&gone)?; // what a crash left of an earlier VM of this name
        files::rename(folder, &gone)?;
        files::remove(&gone)
    }
}
