//! The settings of a VM's Firecracker: a part of its `vm.json`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// The settings, written down when the VM is made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// The program.
    pub program: PathBuf,
    /// The transport of the guest's devices; a restored guest keeps the one that it had.
    pub transport: Transport,
    /// Whether the guest may write down when it has booted (`Guest-boot-time` in Firecracker's log).
    pub boot_timer: bool,
    /// The way in which the memory of a restored guest is filled.
    #[serde(default)]
    pub memory: Fill,
    /// The jail, if it has one.
    #[serde(default)]
    pub jail: Option<Jail>,
}

/// The transport of virtio devices.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Transport {
    /// PCI Express: interrupts by MSI-X, more devices.
    #[default]
    Pci,
    /// Memory-mapped registers.
    Mmio,
}

/// The way in which the memory of a restored guest is filled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Fill {
    /// By the kernel, which maps the memory file.
    #[default]
    File,
    /// By our page-fault handler, which fetches first what the first VM wanted; by the kernel if this user may not have one.
    Uffd,
}

/// The jail of a VM: its jailer and the user inside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Jail {
    /// The jailer's program.
    pub program: PathBuf,
    /// The user that Firecracker runs as.
    pub uid: u32,
    /// Its group.
    pub gid: u32,
}
