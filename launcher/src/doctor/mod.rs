//! The doctor: looks at what this machine offers to VMs.

mod host;
mod monitors;
mod requirement;

use std::path::{Path, PathBuf};

use kindling_base::Result;
use serde::Serialize;

use crate::host::Memory;
use crate::host::accel::{self, Accelerator};
use crate::host::kvm::{self, KvmState};
use crate::vm::StateFolder;
use crate::vmm::Vmm;
use crate::vmm::qemu;

pub use requirement::{Requirement, Verdict};

/// The report of `kindling doctor`.
#[derive(Debug, Serialize)]
pub struct Doctor {
    /// All requirements, each with its finding, its meaning and advice.
    pub requirements: Vec<Requirement>,
    /// QEMU's version line; `None` where it is not installed.
    pub qemu: Option<String>,
    /// The state of KVM.
    pub kvm: KvmState,
    /// Whether that is the hardware's speed.
    pub kvm_is_hardware: bool,
    /// The monitor that `--vmm auto` chooses here for a VM with a network that both monitors have.
    pub vmm: Vmm,
    /// The accelerator that `--accel auto` chooses here.
    pub accelerator: Accelerator,
    /// The host's memory.
    pub memory: Memory,
    /// The folder that holds the VMs.
    pub state_folder: PathBuf,
    /// The number of VMs that run.
    pub running: usize,
    /// The number of VMs that have ended and keep their logs and disks.
    pub ended: usize,
    /// VMs whose supervisor died.
    pub dead: Vec<String>,
    /// Folders that describe no VM.
    pub broken: Vec<PathBuf>,
    /// Half-made and half-removed folders that this look cleared away.
    pub swept: usize,
}

/// Looks at the machine; clears away what a crash left half made. `program` is our own binary.
///
/// # Errors
/// The state folder or `/proc` cannot be read.
pub async fn examine(state: &StateFolder, program: &Path) -> Result<Doctor> {
    let swept = state.sweep()?;
    let listing = state.list()?;
    let kvm = kvm::look(program).await;
    let running = listing.vms.iter().filter(|vm| vm.status.state.is_live());
    let running = running.count();
    let dead = listing
        .vms
        .iter()
        .filter(|vm| vm.status.state == crate::vm::status::State::Dead);
    let memory = Memory::read()?;
    let qemu = qemu::version();
    let [firecracker, jailer] = monitors::firecracker();
    let [reflinks, space] = host::disk(state.vms_folder())?;
    let usable = firecracker.verdict == Verdict::Ok && kvm.is_hardware();
    let requirements = vec![
        monitors::kvm(&kvm),
        firecracker,
        jailer,
        monitors::qemu(qemu.as_deref()),
        monitors::userfaultfd(),
        host::privileges(),
        host::tun(),
        host::bridge(),
        host::cgroups(),
        host::hugepages(),
        host::memory(memory),
        reflinks,
        space,
    ];
    Ok(Doctor {
        requirements,
        vmm: if usable { Vmm::Firecracker } else { Vmm::Qemu },
        qemu,
        kvm_is_hardware: kvm.is_hardware(),
        accelerator: accel::auto(&kvm),
        kvm,
        memory,
        state_folder: state.vms_folder().to_owned(),
        running,
        ended: listing.vms.len() - running,
        dead: dead.map(|vm| vm.spec.name.clone()).collect(),
        broken: listing
            .broken
            .into_iter()
            .map(|(folder, _)| folder)
            .collect(),
        swept,
    })
}
