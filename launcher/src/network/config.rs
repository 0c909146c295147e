//! The configuration of the network of VMs: `[network]` of `~/.config/kindling/config.toml`.

use std::fmt;
use std::net::Ipv4Addr;
use std::str::FromStr;

use kindling_base::{Error, Result};
use serde::{Deserialize, Serialize};

/// The longest name of a network device, `IFNAMSIZ` of `linux/if.h` without its final zero.
pub(super) const NAME_LIMIT: usize = 15;

/// The network that VMs are attached to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NetworkConfig {
    /// The bridge's name; a bridge that does not exist is made.
    pub bridge: String,
    /// The bridge's address, which is the guests' gateway, and the subnet of their leases.
    pub address: Subnet,
    /// Name servers for guests; unset: the host's.
    pub dns: Option<Vec<Ipv4Addr>>,
    /// Whether guests are kept from reaching each other.
    pub isolate: bool,
    /// Whether guests reach what the host reaches, with the host's address.
    pub nat: bool,
    /// The destinations that guests may reach beyond the bridge; unset: all.
    pub egress: Option<Vec<Egress>>,
}

impl Default for NetworkConfig {
    fn default() -> Self {
        Self {
            bridge: "br0".to_owned(),
            address: Subnet {
                address: Ipv4Addr::new(192, 168, 100, 1),
                prefix: 24,
            },
            dns: None,
            isolate: true,
            nat: true,
            egress: None,
        }
    }
}

impl NetworkConfig {
    /// Refuses what the kernel would refuse later with less to say.
    ///
    /// # Errors
    /// The bridge's name is malformed, or the subnet has no room for a guest.
    pub fn check(&self) -> Result<()> {
        let name = &self.bridge;
        let fits = (1..=NAME_LIMIT).contains(&name.len());
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        if !fits || !name.chars().all(plain) || name == "." || name == ".." {
            return Err(
                Error::user(format!("`{name}` cannot be the name of a bridge")).hint(format!(
                    "[network] bridge: 1 to {NAME_LIMIT} letters, digits, `-`, `_` and `.`, such as br0"
                )),
            );
        }
        if self.address.hosts().next().is_none() {
            return Err(
                Error::user(format!("{} has no room for a guest", self.address)).hint(
                    "[network] address: the bridge's own address with a prefix of 30 or less",
                ),
            );
        }
        Ok(())
    }
}

/// An address and the length of its network's prefix: `192.168.100.1/24`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Subnet {
    /// The address.
    pub address: Ipv4Addr,
    /// The prefix's length in bits, 0 to 32.
    pub prefix: u8,
}

impl Subnet {
    /// The network mask.
    pub fn mask(self) -> Ipv4Addr {
        let host_bits = 32 - u32::from(self.prefix.min(32));
        Ipv4Addr::from_bits(u32::MAX.checked_shl(host_bits).unwrap_or(0))
    }

    /// The subnet's own name: `192.168.100.0/24`.
    pub fn network(self) -> Self {
        let address = Ipv4Addr::from_bits(self.address.to_bits() & self.mask().to_bits());
        Self { address, ..self }
    }

    /// Whether the address is inside.
    pub fn contains(self, address: Ipv4Addr) -> bool {
        (address.to_bits() ^ self.address.to_bits()) & self.mask().to_bits() == 0
    }

    /// The addresses that guests may have: all but the network's, the broadcast and the bridge's own.
    pub fn hosts(self) -> impl Iterator<Item = Ipv4Addr> {
        let first = self.network().address.to_bits();
        let last = first | !self.mask().to_bits();
        let own = self.address;
        (first.saturating_add(1)..last)
            .map(Ipv4Addr::from_bits)
            .filter(move |&host| host != own)
    }
}

impl fmt::Display for Subnet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

impl FromStr for Subnet {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is not an address with a prefix such as 192.168.100.1/24");
        let (address, prefix) = text.split_once('/').ok_or_else(wrong)?;
        let prefix = prefix.parse().ok().filter(|bits| *bits <= 32);
        Ok(Self {
            address: address.parse().map_err(|_| wrong())?,
            prefix: prefix.ok_or_else(wrong)?,
        })
    }
}

/// A destination that guests may reach: `192.0.2.0/24`, `192.0.2.7`, or either with `:443`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Egress {
    /// The destination.
    pub to: Subnet,
    /// The one TCP or UDP port; `None` means every protocol and port.
    pub port: Option<u16>,
}

impl fmt::Display for Egress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.to.prefix {
            32 => write!(f, "{}", self.to.address)?,
            _ => write!(f, "{}", self.to)?,
        }
        self.port.map_or(Ok(()), |port| write!(f, ":{port}"))
    }
}

impl FromStr for Egress {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (to, port) = match text.split_once(':') {
            Some((to, port)) => {
                let number: Option<u16> = port.parse().ok().filter(|port| *port != 0);
                (
                    to,
                    Some(number.ok_or_else(|| format!("`{port}` is not a port"))?),
                )
            }
            None => (text, None),
        };
        let to = if to.contains('/') {
            to.parse()?
        } else {
            format!("{to}/32").parse().map_err(|_| {
                format!("`{to}` is not a destination such as 192.0.2.0/24 or 192.0.2.7:443")
            })?
        };
        Ok(Self { to, port })
    }
}

macro_rules! as_text {
    ($($type:ty)*) => {$(
        impl TryFrom<String> for $type {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                text.parse()
            }
        }

        impl From<$type> for String {
            fn from(value: $type) -> Self {
                value.to_string()
            }
        }
    )*};
}

as_text!(Subnet Egress);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_printed_parses_to_the_same(address: [u8; 4], prefix in 0u8..=32, port in proptest::option::of(1u16..)) {
            let to = Subnet { address: address.into(), prefix };
            prop_assert_eq!(to.to_string().parse::<Subnet>().unwrap(), to);
            let egress = Egress { to, port };
            prop_assert_eq!(egress.to_string().parse::<Egress>().unwrap(), egress);
        }

        #[test]
        fn every_host_is_inside_and_is_not_the_gateway(address: [u8; 4], prefix in 24u8..=32) {
            let subnet = Subnet { address: address.into(), prefix };
            for host in subnet.hosts() {
                prop_assert!(subnet.contains(host) && host != subnet.address);
                prop_assert!(host != subnet.network().address);
            }
        }
    }

    #[test]
    fn the_default_is_a_network_of_253_guests() {
        let config = NetworkConfig::default();
        config.check().unwrap();
        assert_eq!(config.address.hosts().count(), 253);
        assert_eq!(config.address.mask().to_string(), "255.255.255.0");
        assert_eq!(config.address.network().to_string(), "192.168.100.0/24");
    }

    #[test]
    fn what_cannot_work_is_refused_with_a_hint() {
        let no_room = NetworkConfig {
            address: "10.0.0.1/31".parse().unwrap(),
            ..NetworkConfig::default()
        };
        assert!(
            no_room
                .check()
                .unwrap_err()
                .report()
                .contains("prefix of 30 or less")
        );
        for bridge in ["", "a-name-of-16-chr", "br 0", "../x"] {
            let bridge = bridge.to_owned();
            assert!(
                NetworkConfig {
                    bridge,
                    ..NetworkConfig::default()
                }
                .check()
                .is_err()
            );
        }
        assert!("10.0.0.1".parse::<Subnet>().is_err());
        assert!("10.0.0.1/33".parse::<Subnet>().is_err());
        assert!("example.org:443".parse::<Egress>().is_err());
        assert!("10.0.0.1:0".parse::<Egress>().is_err());
    }
}
