//! A VM as its folder describes it, and the ownership of one by holding its lock.

use std::fs::File;
use std::path::{Path, PathBuf};

use kindling_base::{Error, Lock, Result, files};
use rustix::fs::{FlockOperation, flock};
use tokio::net::UnixStream;

use super::files::{CONTROL_SOCKET, LOCK, SPEC, STATUS};
use super::spec::Spec;
use super::status::{self, Status};

/// A VM as its folder describes it.
#[derive(Clone, Debug)]
pub struct Vm {
    /// Its folder.
    pub folder: PathBuf,
    /// The VM as it was asked for.
    pub spec: Spec,
    /// Its state.
    pub status: Status,
}

/// A VM whose lock is ours: nobody else writes its status or removes it.
#[derive(Debug)]
pub struct OwnedVm {
    /// The VM.
    pub vm: Vm,
    /// Its lock.
    lock: Held,
    /// Connections of clients that wait for its end; closed after the lock is free, so that they find it free.
    pub(crate) clients: Vec<UnixStream>,
}

#[derive(Debug)]
enum Held {
    /// By a descriptor of our own.
    Own(Lock),
    /// By standard input, which we were started with.
    Inherited(InheritedLock),
}

#[derive(Debug)]
struct InheritedLock;

impl Drop for InheritedLock {
    fn drop(&mut self) {
        // Failing means that it is not held; the end of this process frees it in any case.
        let _ = flock(rustix::stdio::stdin(), FlockOperation::Unlock);
    }
}

impl Vm {
    /// Writes the status; only its owner may call this.
    ///
    /// # Errors
    /// It cannot be written.
    pub(crate) fn save_status(&self) -> Result<()> {
        status::write(&self.folder.join(STATUS), &self.status)
    }

    /// Reads the status again.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn refresh(&mut self) -> Result<()> {
        *self = load(&self.folder)?;
        Ok(())
    }

    /// Fails unless the machine runs, or has ended well after it was ready: [`Status::check`].
    ///
    /// # Errors
    /// The error says how the machine ended.
    pub fn check(&self) -> Result<()> {
        self.status
            .check(&self.spec.name, &self.folder, self.spec.timeout_s)
    }
}

impl OwnedVm {
    /// A VM whose lock we have just taken.
    pub(super) fn new(vm: Vm, lock: Lock) -> Self {
        Self {
            vm,
            lock: Held::Own(lock),
            clients: Vec::new(),
        }
    }

    /// Takes over the VM in `folder`, whose lock this process has inherited as its standard input.
    ///
    /// # Errors
    /// The folder does not describe a VM, or nobody holds its lock.
    pub(crate) fn adopt(folder: &Path) -> Result<Self> {
        if Lock::try_acquire(&folder.join(LOCK))?.is_some() {
            return Err(Error::internal(format!(
                "the lock of {} is free: only `kindling run` starts a supervisor",
                folder.display()
            )));
        }
        Ok(Self {
            vm: read(folder)?,
            lock: Held::Inherited(InheritedLock),
            clients: Vec::new(),
        })
    }

    /// Gives the lock away: the file that carries it, for the standard input of a supervisor.
    pub(crate) fn into_lock(self) -> Option<File> {
        match self.lock {
            Held::Own(lock) => Some(lock.into_file()),
            Held::Inherited(_) => None,
        }
    }
}

/// Reads a VM; one whose supervisor is gone without an end written down becomes dead.
pub(super) fn load(folder: &Path) -> Result<Vm> {
    let mut vm = read(folder)?;
    if vm.status.state.is_live()
        && let Some(_lock) = Lock::try_acquire(&folder.join(LOCK))?
    {
        vm = read(folder)?; // it may have ended between the two looks
        if vm.status.state.is_live() {
            vm.status.die();
            files::remove(&folder.join(CONTROL_SOCKET))?;
            vm.save_status()?;
        }
    }
    Ok(vm)
}

fn read(folder: &Path) -> Result<Vm> {
    let path = folder.join(SPEC);
    let spec = serde_json::from_slice(&files::read(&path)?).map_err(|error| {
        Error::internal(format!("{} does not parse", path.display())).because(error)
    })?;
    let status = status::read(&folder.join(STATUS))?;
    Ok(Vm {
        folder: folder.to_owned(),
        spec,
        status,
    })
}
