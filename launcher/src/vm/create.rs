//! Making the folder of a new VM.

use std::path::Path;

use kindling_base::{Context, Error, Lock, Result, files};
use rustix::fs::{CWD, RenameFlags, renameat_with};

use super::files::{LOCK, SPEC, STATUS};
use super::folder::StateFolder;
use super::name::{is_name, stem_of};
use super::owned::{OwnedVm, Vm};
use super::spec::Spec;
use super::status::{self, Status};

impl StateFolder {
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
}
