//! How a VM's Firecracker is to be run: a part of its `vm.json`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::jail::Jail;

/// What is written down of a Firecracker when the VM is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The program.
    pub program: PathBuf,
    /// How the guest's devices are reached; a restored guest's are as they were.
    pub transport: Transport,
    /// Whether the guest may write down when it has booted (`Guest-boot-time` in Firecracker's log).
    pub boot_timer: bool,
    /// How the memory of a restored guest is filled.
    #[serde(default)]
    pub memory: Memory,
    /// The jail, if it has one.
    #[serde(default)]
    pub jail: Option<Jail>,
}

/// The transport of virtio devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Transport {
    /// PCI Express: interrupts by MSI-X, more devices.
    #[default]
    Pci,
    /// Memory-mapped registers.
    Mmio,
}

/// What fills the memory of a restored guest.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Memory {
    /// The kernel, which maps the memory file.
    #[default]
    File,
    /// Our page-fault handler, where this user may have one; else the kernel.
    Uffd,
}
