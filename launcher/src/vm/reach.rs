//! The probe of a VM's guest: whether it can be reached.

use std::time::Duration;

use kindling_base::{Error, Result};

use super::Vm;
use crate::network::{self, Network, Verdict};

/// Asks the VM's guest for its TCP `port` within `limit`.
///
/// # Errors
/// The VM is not on a bridge, or the host refuses. A fault of the guest is a [`Verdict`], and not an error.
pub async fn probe(vm: &Vm, port: u16, limit: Duration) -> Result<Verdict> {
    let name = &vm.spec.name;
    match &vm.spec.network {
        Some(Network::Tap { .. }) if !vm.status.state.is_live() => Ok(Verdict::NoCarrier),
        Some(Network::Tap { lease, .. }) => network::probe(lease, port, limit).await,
        Some(Network::User(_)) => Err(Error::user(format!(
            "`{name}` has a user-mode network, which has no address on this host"
        ))
        .hint("ask a published port directly, or run the VM with --network tap")),
        None => {
            Err(Error::user(format!("`{name}` has no network card"))
                .hint("run it with --network tap"))
        }
    }
}

impl Verdict {
    /// Fails unless the port is open.
    ///
    /// # Errors
    /// The port cannot be reached.
    pub fn check(self, name: &str, port: u16) -> Result<()> {
        let hint = match self {
            Self::Open { .. } => return Ok(()),
            Self::NoCarrier => {
                format!("see whether it runs: `kindling ps`, `kindling logs {name}`")
            }
            Self::NoArp | Self::NoRoute => {
                format!(
                    "the guest configures its card from `ip=` on its command line: `kindling logs {name}`"
                )
            }
            Self::PortClosed => "see in the guest what listens: `ss -ltn`".to_owned(),
        };
        Err(
            Error::external(format!("port {port} of `{name}` cannot be reached: {self}"))
                .hint(hint),
        )
    }
}
