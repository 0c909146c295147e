//! Networks and default routes.

use std::net::IpAddr;

/// An address and the length of its network's prefix, at most that of the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    pub(crate) address: IpAddr,
    pub(crate) prefix: u8,
}

/// A default route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Gateway {
    pub(crate) address: IpAddr,
    /// It is on the card's link, though in no network of the card's addresses.
    pub(crate) onlink: bool,
    pub(crate) metric: u32,
}

impl Gateway {
    /// A gateway for a card in this network.
    pub(crate) fn of(network: Network, address: IpAddr, metric: u32) -> Self {
        let onlink = match (network.address, address) {
            // Outside of the card's own network it has to be declared reachable.
            (IpAddr::V4(own), IpAddr::V4(gateway)) => {
                let differ = own.to_bits() ^ gateway.to_bits();
                let shift = 32_u32.saturating_sub(network.prefix.into());
                differ.checked_shr(shift).unwrap_or(0) != 0
            }
            (_, IpAddr::V6(gateway)) => gateway.is_unicast_link_local(),
            (IpAddr::V6(_), IpAddr::V4(_)) => false,
        };
        Self {
            address,
            onlink,
            metric,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gateway_is_in_the_network_or_on_the_link() {
        let onlink = |own: &str, gateway: &str, prefix| {
            let address = own.parse().unwrap();
            Gateway::of(Network { address, prefix }, gateway.parse().unwrap(), 0).onlink
        };
        assert!(!onlink("192.168.100.2", "192.168.100.1", 24));
        assert!(onlink("192.168.100.2", "192.168.101.1", 24));
        assert!(onlink("10.0.0.2", "10.0.0.1", 32));
        assert!(!onlink("10.0.0.2", "200.0.0.1", 0));
        assert!(!onlink("2001:db8::2", "2001:db8::1", 64));
        assert!(onlink("2001:db8::2", "fe80::1", 64));
    }
}
