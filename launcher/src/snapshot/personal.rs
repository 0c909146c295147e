//! Personalisation: gives a VM that goes on from a snapshot an identity of its own, before anybody is told that it is ready.

use std::time::Duration;

use kindling_base::hash::hex;
use kindling_base::{Context, Error, Result};
use kindling_protocol::{Address, Personalise};
use rustix::rand::{GetRandomFlags, getrandom};

use crate::agent::Agent;
use crate::network::Network;
use crate::vm::spec::Spec;

/// Bytes for the guest's random number generator: twice what ChaCha20, which Linux has there, takes as its key.
const ENTROPY: usize = 64;

/// The agent answers in a millisecond; new host keys for sshd take seconds where instructions are translated.
const DEADLINE: Duration = Duration::from_secs(60);

/// Waits for the agent and makes the guest what `spec` says.
///
/// # Errors
/// The agent does not answer in time, or something could not be done: then the guest is still the one that was saved.
pub(crate) async fn personalise(agent: Agent, spec: Spec) -> Result<()> {
    let wanted = wanted(&spec)?;
    let done = tokio::time::timeout(DEADLINE, agent.personalise(&wanted)).await;
    let done = done.map_err(|_| {
        Error::external(format!(
            "the guest's agent did not answer within {} s",
            DEADLINE.as_secs()
        ))
    })??;
    match done.failure() {
        None => Ok(()),
        Some((what, why)) => Err(Error::external(format!(
            "the guest could not be given a {what} of its own: {why}"
        ))),
    }
}

fn wanted(spec: &Spec) -> Result<Personalise> {
    let network = match &spec.network {
        Some(Network::Tap { lease, .. }) => Some(Address {
            interface: "eth0".to_owned(),
            mac: Some(lease.mac.to_string()),
            address: lease.address.address,
            prefix: lease.address.prefix,
            gateway: Some(lease.gateway),
            dns: lease.dns.iter().copied().map(Into::into).collect(),
        }),
        // A user-mode network is one guest's own: the address in it is the same for all.
        _ => None,
    };
    Ok(Personalise {
        entropy: Some(hex(&random::<ENTROPY>()?)),
        clock_ns: Some(0), // the agent's other end fills it in as late as it can
        network,
        hostname: Some(spec.name.clone()),
        machine_id: Some(hex(&random::<16>()?)),
        ssh_host_keys: true,
    })
}

/// Random bytes of the host.
fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0; N];
    let mut filled = 0;
    while filled < N {
        let got = getrandom(&mut bytes[filled..], GetRandomFlags::empty());
        filled += got.context("the host has no random numbers")?;
    }
    Ok(bytes)
}
