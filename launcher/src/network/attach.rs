//! Attaching a VM to the network, detaching it, and clearing what a crash left.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use kindling_base::{Error, Result};

use super::netlink::{Link, Netlink};
use super::tap::Tap;
use super::{Lease, Leases, NetworkConfig, firewall};

/// Written on each TAP of ours: another program may use names like ours.
const ALIAS: &str = "kindling";

/// The time that a monitor may take to let go of its TAP when its supervisor was killed, and the kernel kills it after that.
const DYING: Duration = Duration::from_secs(2);

/// The leases and TAPs that [`reconcile`] cleared away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Attachment {
    /// Leases whose VM is dead.
    pub leases: Vec<Lease>,
    /// TAPs that no lease knows.
    pub taps: Vec<String>,
}

/// Makes the bridge where it is missing, and the filter: all that a TAP needs of the host. Needs root and
/// [`ensure`](super::ensure).
///
/// # Errors
/// The bridge belongs to something else, or the kernel refuses.
pub async fn prepare(config: &NetworkConfig, leases: &Leases) -> Result<()> {
    bridge(config, &Netlink::open()?).await?;
    firewall::load(config, leases)
}

/// Makes the bridge where it is missing, a TAP for the lease, and the filter. Needs root and [`ensure`](super::ensure).
///
/// # Errors
/// The bridge belongs to something else, or the kernel refuses.
pub async fn attach(config: &NetworkConfig, leases: &Leases, lease: &Lease) -> Result<()> {
    let netlink = Netlink::open()?;
    let bridge = bridge(config, &netlink).await?;
    if let Some(left) = netlink.link(&lease.tap).await? {
        clear(&netlink, &left).await?;
    }
    drop(Tap::make(&lease.tap)?); // it stays; the virtual machine monitor opens it by its name
    let tap = netlink.link(&lease.tap).await?;
    let tap =
        tap.ok_or_else(|| Error::internal(format!("the TAP `{}` is gone again", lease.tap)))?;
    netlink
        .add_port(&tap, &bridge, ALIAS, config.isolate)
        .await?;
    firewall::load(config, leases)
}

/// Removes the TAP of a lease and gives the lease back. The bridge stays.
///
/// # Errors
/// The kernel refuses, or the record cannot be written.
pub async fn detach(config: &NetworkConfig, leases: &Leases, lease: &Lease) -> Result<()> {
    let netlink = Netlink::open()?;
    if let Some(tap) = netlink.link(&lease.tap).await? {
        netlink.delete(&tap).await?;
    }
    leases.give_back(lease)?;
    firewall::load(config, leases)
}

/// Clears exactly what is dead: leases whose VM does not live, with their TAPs, and TAPs of ours on this bridge that
/// no lease knows and no process has open.
///
/// # Errors
/// The kernel refuses, or the record cannot be read.
pub async fn reconcile(config: &NetworkConfig, leases: &Leases) -> Result<Attachment> {
    let mut cleared = Attachment::default();
    let netlink = Netlink::open()?;
    for lease in leases.list()? {
        if !lease.is_live()? {
            if let Some(tap) = netlink.link(&lease.tap).await? {
                clear(&netlink, &tap).await?;
            }
            leases.give_back(&lease)?;
            cleared.leases.push(lease);
        }
    }
    // Devices first, leases after: a TAP that is made in between is not in the first list.
    let links = netlink.links().await?;
    let live = leases.list()?;
    let known: BTreeSet<_> = live.iter().map(|lease| lease.tap.as_str()).collect();
    let bridge = links
        .iter()
        .find(|link| link.is_bridge && link.name == config.bridge);
    for link in &links {
        let ours =
            link.alias.as_deref() == Some(ALIAS) && link.controller == bridge.map(|b| b.index);
        if ours && bridge.is_some() && !link.carrier && !known.contains(link.name.as_str()) {
            netlink.delete(link).await?;
            cleared.taps.push(link.name.clone());
        }
    }
    if cleared != Attachment::default() && bridge.is_some() {
        firewall::load(config, leases)?;
    }
    Ok(cleared)
}

/// The bridge, up and with its address.
async fn bridge(config: &NetworkConfig, netlink: &Netlink) -> Result<Link> {
    let name = &config.bridge;
    config.check()?;
    if netlink.link(name).await?.is_none() {
        match netlink.add_bridge(name).await {
            Ok(()) => {}
            Err(error) if netlink.link(name).await?.is_none() => return Err(error),
            Err(_) => {} // another VM's start was quicker
        }
    }
    let found = netlink.link(name).await?;
    let bridge =
        found.ok_or_else(|| Error::internal(format!("the bridge `{name}` is gone again")))?;
    if !bridge.is_bridge {
        return Err(
            Error::user(format!("`{name}` is a network device, but not a bridge"))
                .hint("name another one: [network] bridge"),
        );
    }
    let addresses = netlink.addresses(&bridge).await?;
    if addresses.is_empty() {
        match netlink.add_address(&bridge, config.address).await {
            Err(error) if !netlink.addresses(&bridge).await?.contains(&config.address) => {
                return Err(error);
            }
            _ => {}
        }
    } else if !addresses.contains(&config.address) {
        let has: Vec<_> = addresses.iter().map(ToString::to_string).collect();
        return Err(Error::user(format!(
            "the bridge `{name}` has another address than [network] says"
        ))
        .note(format!("expected {}", config.address))
        .note(format!("found    {}", has.join(", ")))
        .hint("change [network] address or bridge, or delete the bridge if nothing uses it"));
    }
    if !bridge.up {
        netlink.set_up(&bridge).await?;
    }
    Ok(bridge)
}

/// Deletes a TAP that a crash left; one that a process keeps open is somebody's.
async fn clear(netlink: &Netlink, tap: &Link) -> Result<()> {
    let deadline = Instant::now() + DYING;
    let mut found = Some(tap.clone());
    while let Some(tap) = found {
        if !tap.carrier {
            return netlink.delete(&tap).await;
        }
        if Instant::now() > deadline {
            return Err(Error::user(format!(
                "the TAP `{}` is in use by another process",
                tap.name
            ))
            .hint("`kindling ps` shows which VM has it"));
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
        found = netlink.link(&tap.name).await?;
    }
    Ok(()) // it has gone by itself
}
