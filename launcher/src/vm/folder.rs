//! The state folder, which holds one folder for each VM.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use kindling_base::{Context, Error, Lock, Result, did_you_mean, files, folders};

use super::name::is_name;
use super::owned::{Vm, load};

/// An open state folder.
#[derive(Clone, Debug)]
pub struct StateFolder {
    pub(super) vms: PathBuf,
}

/// All VMs of a state folder.
#[derive(Debug, Default)]
pub struct Listing {
    /// Sorted by name.
    pub vms: Vec<Vm>,
    /// Folders that do not describe a VM, and why.
    pub broken: Vec<(PathBuf, Error)>,
}

impl StateFolder {
    /// Opens the state folder `root`, creating it where it does not exist.
    ///
    /// # Errors
    /// It cannot be created or written.
    pub fn open(root: &Path) -> Result<Self> {
        let vms = files::absolute(root)?.join("vms");
        let usable = files::create_dir_all(&vms).and_then(|()| {
            // Consoles may show secrets, and whoever reaches a control socket can stop a machine.
            std::fs::set_permissions(&vms, PermissionsExt::from_mode(0o700))
                .context(format!("cannot set the mode of {}", vms.display()))
        });
        usable.map_err(|error| {
            Error::user(format!("the state folder {} is not usable", root.display()))
                .because(error)
                .hint("set KINDLING_STATE to a folder that you can write")
        })?;
        Ok(Self { vms })
    }

    /// The default place: `$KINDLING_STATE`, else `$XDG_STATE_HOME/kindling`, else `~/.local/state/kindling`.
    ///
    /// # Errors
    /// Neither these variables nor HOME are set.
    pub fn default_root() -> Result<PathBuf> {
        folders::named("KINDLING_STATE")
            .or_else(|| Some(folders::state()?.join("kindling")))
            .ok_or_else(|| {
                Error::user("no place for VMs: neither KINDLING_STATE nor HOME is set")
                    .hint("set KINDLING_STATE to a folder that you can write")
            })
    }

    /// The state folder itself.
    pub(crate) fn root(&self) -> &Path {
        self.vms.parent().unwrap_or(&self.vms)
    }

    /// The folder that holds one folder for each VM.
    pub fn vms_folder(&self) -> &Path {
        &self.vms
    }

    /// All VMs; what a crash left is put right on the way.
    ///
    /// # Errors
    /// The state folder cannot be read.
    pub fn list(&self) -> Result<Listing> {
        let _guard = self.guard()?;
        self.list_guarded()
    }

    /// The VM of this name.
    ///
    /// # Errors
    /// There is no such VM (the error has near names), or its folder is broken.
    pub fn find(&self, name: &str) -> Result<Vm> {
        let _guard = self.guard()?;
        if !is_name(name) || !self.folder(name).is_dir() {
            return Err(self.unknown(name)?);
        }
        load(&self.folder(name))
    }

    /// The state folder that holds the VM of this folder.
    ///
    /// # Errors
    /// It has no parent folder.
    pub fn of_vm(folder: &Path) -> Result<Self> {
        let parent = folder.parent().and_then(Path::parent);
        parent.map_or_else(
            || Err(Error::internal("a VM's folder has no parent")),
            Self::open,
        )
    }

    /// Waits for the lock under which VMs are listed, made and removed.
    pub(super) fn guard(&self) -> Result<Lock> {
        Lock::acquire(&self.vms.join(".lock"), || {})
    }

    /// The folder of the VM of this name, whether there is one or not.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.vms.join(name)
    }

    /// All VMs, for a caller that holds the guard.
    pub(super) fn list_guarded(&self) -> Result<Listing> {
        let mut listing = Listing::default();
        for name in self.names(is_name)? {
            let folder = self.folder(&name);
            match load(&folder) {
                Ok(vm) => listing.vms.push(vm),
                Err(error) => listing.broken.push((folder, error)),
            }
        }
        Ok(listing)
    }

    /// Names of the folders that `wanted` accepts, sorted.
    pub(super) fn names(&self, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>> {
        let what = || format!("cannot list {}", self.vms.display());
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.vms).context(what())? {
            let name = entry.context(what())?.file_name();
            names.extend(name.to_str().filter(|n| wanted(n)).map(str::to_owned));
        }
        names.sort_unstable();
        Ok(names)
    }

    /// The error for a name that no VM has.
    pub(super) fn unknown(&self, name: &str) -> Result<Error> {
        let error = Error::user(format!("there is no VM called `{name}`"));
        let names = self.names(is_name)?;
        Ok(if let Some(hint) = did_you_mean(name, &names) {
            error.hint(hint)
        } else if names.is_empty() {
            error.hint("there are no VMs: start one with `kindling run RECIPE`")
        } else {
            error.hint("`kindling ps` lists all VMs")
        })
    }
}
