//! The kinds of virtual machine monitors.

use serde::{Deserialize, Serialize};

/// A virtual machine monitor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Vmm {
    /// QEMU's `microvm` machine.
    #[default]
    Qemu,
    /// Firecracker.
    Firecracker,
}

impl Vmm {
    /// The name that people use.
    pub fn name(self) -> &'static str {
        match self {
            Vmm::Qemu => "qemu",
            Vmm::Firecracker => "firecracker",
        }
    }

    /// Its name as a proper noun.
    pub fn title(self) -> &'static str {
        match self {
            Vmm::Qemu => "QEMU",
            Vmm::Firecracker => "Firecracker",
        }
    }
}
