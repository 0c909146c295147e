//! Accelerators, which run the guest's instructions.

use std::fmt;

use kindling_base::{Error, Result};
use serde::{Deserialize, Serialize};

use crate::host::kvm::KvmState;
use crate::host::kvm_note::KvmNote;

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

/// The accelerator that the user asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Wanted {
    /// KVM where a short measurement shows real hardware, else TCG.
    #[default]
    Auto,
    /// The processor itself, through /dev/kvm.
    Kvm,
    /// QEMU's translator: slower, works everywhere.
    Tcg,
}

/// Chooses an accelerator; also returns why, for a person.
///
/// # Errors
/// KVM was asked for and this host has none for us.
pub(crate) async fn choose(wanted: Wanted, kvm: KvmNote<'_>) -> Result<(Accelerator, String)> {
    match wanted {
        Wanted::Tcg => Ok((Accelerator::Tcg, "as asked".to_owned())),
        Wanted::Auto => {
            let found = kvm.look().await;
            Ok((auto(&found), found.to_string()))
        }
        Wanted::Kvm => match kvm.look().await {
            found @ (KvmState::Missing | KvmState::Forbidden) => Err(refused(&found)),
            found => Ok((Accelerator::Kvm, format!("as asked; {found}"))),
        },
    }
}

/// The accelerator that `auto` means with KVM in this state.
pub(crate) fn auto(kvm: &KvmState) -> Accelerator {
    if kvm.is_hardware() {
        Accelerator::Kvm
    } else {
        Accelerator::Tcg
    }
}

/// The error for KVM that cannot be used.
pub(crate) fn refused(kvm: &KvmState) -> Error {
    let error = Error::user(format!("cannot use KVM: {kvm}"));
    match kvm {
        KvmState::Forbidden => error.hint(
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
            refused(&KvmState::Forbidden)
                .report()
                .contains("usermod -aG kvm")
        );
        assert_eq!(
            refused(&KvmState::Missing).report(),
            "error: cannot use KVM: there is no /dev/kvm\nhint: enable virtualisation in the firmware or the outer hypervisor, or use --accel tcg"
        );
    }
}
