//! The state folder: one folder for each VM, and the locks that say who owns what.
//!
//! ```text
//! vms/.lock          held for the moment in which VMs are listed, made or removed
//! vms/NAME/vm.json   what was asked for; never changes
//!          status.json   what became of it; written by whoever holds `lock`
//!          lock          held by the VM's supervisor as long as it lives
//!          control.sock  requests to the supervisor
//!          console.log   what the guest wrote to its serial port
//!          vmm.log       what the virtual machine monitor and the supervisor had to say
//! vms/.new-*         a VM being made, vms/.gone-* one being removed
//! ```
//!
//! **A VM lives while its lock is held.** A VM whose status says otherwise has lost its supervisor; whoever
//! sees that first writes it down.

mod name;
#[cfg(test)]
mod tests;
mod vm;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use kindling_base::{Context, Error, Lock, Result, did_you_mean, files};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use vm::load;

pub(crate) use name::{is_name, stem_of};
pub use vm::{OwnedVm, Vm};

use crate::spec::Spec;
use crate::status::{self, Status};

/// The serial console's log in a VM's folder.
pub const CONSOLE_LOG: &str = "console.log";
/// The log of the virtual machine monitor and of the supervisor in a VM's folder.
pub const VMM_LOG: &str = "vmm.log";
/// The supervisor's socket in a VM's folder.
pub(crate) const CONTROL_SOCKET: &str = "control.sock";

const SPEC: &str = "vm.json";
const STATUS: &str = "status.json";
/// The lock in a VM's folder that its supervisor holds.
pub(crate) const LOCK: &str = "lock";

/// What `kindling gc` leaves of a VM besides its logs.
pub(crate) const KEPT: [&str; 3] = [SPEC, STATUS, LOCK];

/// An open state folder.
#[derive(Clone, Debug)]
pub struct StateFolder {
    vms: PathBuf,
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

    /// Where it is when nobody says otherwise: `$KINDLING_STATE`, `$XDG_STATE_HOME/kindling`,
    /// `~/.local/state/kindling`.
    ///
    /// # Errors
    /// None of these variables and no home folder is set.
    pub fn default_root() -> Result<PathBuf> {
        let set = |name| {
            let value = std::env::var_os(name).filter(|v| !v.is_empty());
            value.map(PathBuf::from)
        };
        set("KINDLING_STATE")
            .or_else(|| Some(set("XDG_STATE_HOME")?.join("kindling")))
            .or_else(|| Some(set("HOME")?.join(".local/state/kindling")))
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
    /// There is none (the error has near names), or its folder is broken.
    pub fn find(&self, name: &str) -> Result<Vm> {
        let _guard = self.guard()?;
        if !is_name(name) || !self.folder(name).is_dir() {
            return Err(self.unknown(name)?);
        }
        load(&self.folder(name))
    }

    /// Makes a VM and takes its lock. It is called `name`, or `stem` with a number where that is taken. `make` fills
    /// the new folder, knowing the VM's name; nobody sees the folder before `make` is done.
    ///
    /// # Errors
    /// The name is taken or not a host name, `make` failed, or the folder cannot be written.
    pub fn create(
        &self,
        name: Option<&str>,
        stem: &str,
        make: impl FnOnce(&Path, &str, &[Vm]) -> Result<Spec>,
    ) -> Result<OwnedVm> {
        let _guard = self.guard()?;
        let name = match name {
            Some(name) => self.check_free(name)?.to_owned(),
            None => self.free_name(&stem_of(stem)),
        };
        let staging = tempfile::Builder::new()
            .prefix(".new-")
            .tempdir_in(&self.vms)
            .context(format!("cannot make a folder in {}", self.vms.display()))?;
        let spec = make(staging.path(), &name, &self.list_guarded()?.vms)?;
        let text = serde_json::to_vec_pretty(&spec)
            .map_err(|error| Error::internal("cannot write a VM as JSON").because(error))?;
        files::replace(&staging.path().join(SPEC), &text, 0o600)?;
        let status = Status::new();
        status::write(&staging.path().join(STATUS), &status)?;
        let lock = Lock::acquire(&staging.path().join(LOCK), || {})?;
        let folder = self.folder(&name);
        renameat_with(CWD, staging.path(), CWD, &folder, RenameFlags::NOREPLACE)
            .context(format!("cannot make {}", folder.display()))?;
        let _ = staging.keep(); // it has its final name now: nothing is left to clean up
        let vm = Vm {
            folder,
            spec,
            status,
        };
        Ok(OwnedVm::new(vm, lock))
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

    fn guard(&self) -> Result<Lock> {
        Lock::acquire(&self.vms.join(".lock"), || {})
    }

    /// The folder of the VM of this name, whether there is one or not.
    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.vms.join(name)
    }

    fn list_guarded(&self) -> Result<Listing> {
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
    fn names(&self, wanted: impl Fn(&str) -> bool) -> Result<Vec<String>> {
        let what = || format!("cannot list {}", self.vms.display());
        let mut names = Vec::new();
        for entry in std::fs::read_dir(&self.vms).context(what())? {
            let name = entry.context(what())?.file_name();
            names.extend(name.to_str().filter(|n| wanted(n)).map(str::to_owned));
        }
        names.sort_unstable();
        Ok(names)
    }

    fn check_free<'a>(&self, name: &'a str) -> Result<&'a str> {
        if !is_name(name) {
            return Err(Error::user(format!("`{name}` cannot be a VM's name")).hint(
                "the name becomes the guest's host name: up to 63 lowercase letters, digits and hyphens inside",
            ));
        }
        if self.folder(name).exists() {
            return Err(
                Error::user(format!("there is a VM called `{name}` already")).hint(format!(
                    "choose another --name, or remove that one with `kindling rm {name}`"
                )),
            );
        }
        Ok(name)
    }

    /// `stem`, `stem-2`, `stem-3`: the first that is free.
    fn free_name(&self, stem: &str) -> String {
        let free = |name: &String| !self.folder(name).exists();
        let mut numbered = (2u64..).map(|n| format!("{stem}-{n}"));
        let name = Some(stem.to_owned()).filter(free);
        name.or_else(|| numbered.find(free)).unwrap_or_default()
    }

    fn unknown(&self, name: &str) -> Result<Error> {
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
