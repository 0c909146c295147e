//! The specification of a VM: the contents of its `vm.json`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::disk::Disk;
use crate::host::accel::Accelerator;
use crate::network::Network;
use crate::vmm::Vmm;
use crate::vmm::firecracker::Settings;

/// A VM as it was asked for; written once, when the VM is made. Paths that are not absolute are in the VM's folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spec {
    /// The VM's name, which is also the guest's host name.
    pub name: String,
    /// The bundle it was made from.
    pub bundle: Source,
    /// The monitor.
    #[serde(default)]
    pub vmm: Vmm,
    /// The settings of Firecracker, if that runs it.
    #[serde(default)]
    pub firecracker: Option<Settings>,
    /// The accelerator.
    pub accelerator: Accelerator,
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// The kernel, an ELF with a PVH entry point.
    pub kernel: PathBuf,
    /// The initramfs, if it boots through one.
    pub initramfs: Option<PathBuf>,
    /// The root disk.
    pub disk: Disk,
    /// The whole kernel command line.
    pub cmdline: String,
    /// The network card, if it has one.
    pub network: Option<Network>,
    /// Whether the image has the agent.
    #[serde(default)]
    pub agent: bool,
    /// A line of the console that begins with this means ready.
    pub marker: String,
    /// Seconds after which a guest that is not ready has failed.
    pub timeout_s: u32,
    /// The saved machine that it goes on from: a folder with `memory` and `state`. `None`: it boots.
    #[serde(default)]
    pub resume_from: Option<PathBuf>,
    /// Whether the VM's folder is removed when it has stopped well.
    pub remove: bool,
}

/// The bundle that a VM was made from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// The recipe's name.
    pub name: String,
    /// The bundle's key.
    pub key: String,
    /// The bundle's folder at that time.
    pub folder: PathBuf,
}
