//! The kinds of networks that a VM can have.

use std::fs::File;
use std::net::Ipv4Addr;
use std::path::Path;

use kindling_base::{Error, Result};
use rustix::thread::CapabilitySet;
use serde::{Deserialize, Serialize};

use super::{Lease, Leases, NetworkConfig, Publish};

/// The kind of network that the user asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Mode {
    /// `tap` where this process may make one and no port is published, else `user`.
    #[default]
    Auto,
    /// A TAP on the host's bridge; needs root.
    Tap,
    /// The monitor's own network: needs no privileges, and lets nothing in but published ports.
    User,
    /// No network card.
    None,
}

/// A VM's network card and what is behind it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Network {
    /// The virtual machine monitor's own network: the guest reaches out through the host's sockets.
    User(UserNetwork),
    /// A TAP on a bridge.
    Tap {
        /// The VM's lease.
        lease: Lease,
        /// The leases that it is recorded in.
        leases: Leases,
        /// The network as configured when it was made.
        config: Box<NetworkConfig>,
    },
}

/// A user-mode network.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserNetwork {
    /// Ports of the guest that the host listens for.
    pub publish: Vec<Publish>,
}

impl Mode {
    /// The kind that a VM with these ports gets, which is never `Auto`; and why, for a person.
    ///
    /// # Errors
    /// This host cannot give what is asked for.
    pub(crate) fn settle(self, publish: &[Publish]) -> Result<(Self, String)> {
        match self {
            Self::Auto if !publish.is_empty() => Ok((Self::User, "for published ports".to_owned())),
            Self::Auto => Ok(match obstacle() {
                None => (Self::Tap, "this process may make TAPs".to_owned()),
                Some(obstacle) => (Self::User, obstacle),
            }),
            Self::Tap if !publish.is_empty() => Err(Error::user(
                "a VM on the bridge publishes no ports: the host reaches it at its own address",
            )
            .hint("leave out --publish and see the address in `kindling ps`, or use --network user")),
            Self::None if !publish.is_empty() => Err(Error::user(
                "a VM without a network card cannot publish ports",
            )
            .hint("leave out --publish or --network none, or give the recipe a network: `[vm] network = true`")),
            Self::Tap => obstacle().map_or(Ok((Self::Tap, "as asked".to_owned())), |obstacle| {
                Err(Error::user(format!("cannot use a TAP: {obstacle}"))
                    .hint("run as root, or use --network user"))
            }),
            Self::User | Self::None => Ok((self, "as asked".to_owned())),
        }
    }

    /// The name that people use.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Tap => "tap",
            Self::User => "user",
            Self::None => "none",
        }
    }
}

impl Network {
    /// Published ports.
    pub fn publish(&self) -> &[Publish] {
        match self {
            Self::User(user) => &user.publish,
            Self::Tap { .. } => &[],
        }
    }

    /// The address at which the host reaches the guest, if it has one.
    pub fn address(&self) -> Option<Ipv4Addr> {
        match self {
            Self::User(_) => None,
            Self::Tap { lease, .. } => Some(lease.address.address),
        }
    }
}

/// The reason for which this process cannot make TAPs; `None` if it can.
pub(crate) fn obstacle() -> Option<String> {
    let capabilities = rustix::thread::capabilities(None);
    if !capabilities.is_ok_and(|sets| sets.effective.contains(CapabilitySet::NET_ADMIN)) {
        return Some("this process may not make TAPs (no CAP_NET_ADMIN)".to_owned());
    }
    let device = Path::new("/dev/net/tun");
    match File::options().read(true).write(true).open(device) {
        Ok(_) => None,
        Err(error) => Some(format!("cannot open {}: {error}", device.display())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_published_by_user_networks_only() {
        let publish = ["8080:80".parse().unwrap()];
        assert_eq!(Mode::Auto.settle(&publish).unwrap().0, Mode::User);
        assert_eq!(Mode::User.settle(&publish).unwrap().0, Mode::User);
        let tap = Mode::Tap.settle(&publish).unwrap_err().report();
        assert!(tap.contains("reaches it at its own address"), "{tap}");
        let none = Mode::None.settle(&publish).unwrap_err().report();
        assert!(none.contains("without a network card"), "{none}");
    }

    #[test]
    fn auto_is_a_tap_exactly_where_nothing_is_in_the_way() {
        let expected = if obstacle().is_none() {
            Mode::Tap
        } else {
            Mode::User
        };
        assert_eq!(Mode::Auto.settle(&[]).unwrap().0, expected);
    }
}
