//! What runs the guest's instructions.

use std::fmt;

use kindling_base::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::host::kvm::Probe;
use crate::host::kvm_note::Prober;

/// An accelerator of QEMU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accelerator {
    /// The processor itself, through `/dev/kvm`.
    Kvm,
    /// QEMU's translator: slower, works everywhere.
    Tcg,
}

impl Accelerator {
    /// The name that QEMU and people use.
    pub fn name(self) -> &'static str {
        match self {
            Accelerator::Kvm => "kvm",
            Accelerator::Tcg => "tcg",
        }
    }
}

impl fmt::Display for Accelerator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What the user asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Wanted {
    /// KVM where [`crate::host::kvm::probe`] shows that it is hardware, TCG elsewhere.
    #[default]
    Auto,
    /// This one.
    Exactly(Accelerator),
}

/// Chooses an accelerator; also returns why, for a person.
///
/// # Errors
/// KVM was asked for and the machine has none for us.
pub(crate) async fn choose(wanted: Wanted, prober: Prober<'_>) -> Result<(Accelerator, String)> {
    match wanted {
        Wanted::Exactly(Accelerator::Tcg) => Ok((Accelerator::Tcg, "as asked".to_owned())),
        Wanted::Auto => {
            let probe = prober.probe().await;
            Ok((for_probe(&probe), probe.to_string()))
        }
        Wanted::Exactly(Accelerator::Kvm) => match prober.probe().await {
            probe @ (Probe::Missing | Probe::Forbidden) => Err(refused(&probe)),
            probe => Ok((Accelerator::Kvm, format!("as asked; {probe}"))),
        },
    }
}

/// What `auto` means after this probe.
pub(crate) fn for_probe(probe: &Probe) -> Accelerator {
    if probe.is_hardware() {
        Accelerator::Kvm
    } else {
        Accelerator::Tcg
    }
}

pub(crate) fn refused(probe: &Probe) -> Error {
    let error = Error::user(format!("cannot use KVM: {probe}"));
    match probe {
        Probe::Forbidden => error.hint(
            "add yourself to the group that owns the device (`sudo usermod -aG kvm $USER`, then log in again), or use --accel tcg",
        ),
        _ => error.hint("enable virtualisation in the firmware or the outer hypervisor, or use --accel tcg"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_says_what_to_do() {
        assert!(
            refused(&Probe::Forbidden)
                .report()
                .contains("usermod -aG kvm")
        );
        assert_eq!(
            refused(&Probe::Missing).report(),
            "error: cannot use KVM: there is no /dev/kvm\nhint: enable virtualisation in the firmware or the outer hypervisor, or use --accel tcg"
        );
    }
}
