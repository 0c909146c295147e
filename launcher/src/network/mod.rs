//! Networks of VMs on the host: a bridge, one TAP for each VM, addresses leased from its subnet, NAT and a filter.
//!
//! Everything is made by netlink and ioctl; the filter is one file that `nft` loads as a whole. What is made here is
//! recorded in a lease before it exists, so that whatever a crash leaves is found again ([`reconcile`]).
//!
//! ```text
//! /run/kindling/net-NAMESPACE/BRIDGE/.lock           held while leases change
//!                                    ADDRESS.json    one lease
//!                                    rules.nft       the filter as loaded last
//! ```

mod attach;
mod config;
mod firewall;
mod lease;
mod mac;
mod mode;
mod netlink;
mod probe;
mod publish;
mod resolvers;
mod tap;
#[cfg(test)]
mod tests;

pub use attach::{Attachment, attach, detach, prepare, reconcile};
pub use config::{Egress, NetworkConfig, Subnet};
pub use firewall::ensure;
pub use lease::{Lease, Leases};
pub use mac::Mac;
pub(crate) use mode::obstacle;
pub use mode::{Mode, Network, UserNetwork};
pub use probe::Verdict;
pub(crate) use probe::probe;
pub use publish::Publish;
