//! The few requests of rtnetlink(7) that give a card addresses and routes.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::OwnedFd;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

/// Numbers of `include/uapi/linux/{netlink,rtnetlink,if_link,if_addr}.h`.
mod number {
    pub(super) const NLMSG_ERROR: u16 = 2;
    pub(super) const NLMSG_DONE: u16 = 3;
    pub(super) const RTM_NEWLINK: u16 = 16;
    pub(super) const RTM_NEWADDR: u16 = 20;
    pub(super) const RTM_DELADDR: u16 = 21;
    pub(super) const RTM_GETADDR: u16 = 22;
    pub(super) const RTM_NEWROUTE: u16 = 24;
    pub(super) const NLM_F_REQUEST: u16 = 1;
    pub(super) const NLM_F_ACK: u16 = 4;
    pub(super) const NLM_F_REPLACE: u16 = 0x100;
    pub(super) const NLM_F_CREATE: u16 = 0x400;
    /// NLM_F_ROOT and NLM_F_MATCH.
    pub(super) const NLM_F_DUMP: u16 = 0x300;
    pub(super) const AF_INET: u8 = 2;
    pub(super) const AF_INET6: u8 = 10;
    pub(super) const IFF_UP: u32 = 1;
    pub(super) const IFLA_ADDRESS: u16 = 1;
    pub(super) const IFA_ADDRESS: u16 = 1;
    pub(super) const IFA_LOCAL: u16 = 2;
    pub(super) const IFA_BROADCAST: u16 = 4;
    pub(super) const IFA_F_NODAD: u8 = 2;
    pub(super) const RTA_OIF: u16 = 4;
    pub(super) const RTA_GATEWAY: u16 = 5;
    pub(super) const RTA_PRIORITY: u16 = 6;
    pub(super) const RT_TABLE_MAIN: u8 = 254;
    /// As `ip route` has it.
    pub(super) const RTPROT_BOOT: u8 = 3;
    pub(super) const RTN_UNICAST: u8 = 1;
    pub(super) const RTNH_F_ONLINK: u32 = 4;
}
use number::*;

/// An address and the length of its network's prefix, at most that of the address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Network {
    pub(crate) address: IpAddr,
    pub(crate) prefix: u8,
}

/// A way to everywhere.
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

/// The number of a network card.
///
/// # Errors
/// There is none of this name.
pub(crate) fn index(name: &str) -> io::Result<u32> {
    let text = fs::read_to_string(format!("/sys/class/net/{name}/ifindex"));
    let index = text.ok().and_then(|text| text.trim().parse().ok());
    let missing = || {
        io::Error::new(
            io::ErrorKind::NotFound,
            format!("there is no device {name}"),
        )
    };
    index.ok_or_else(missing)
}

/// A socket to the kernel.
pub(crate) struct Netlink {
    socket: OwnedFd,
    sequence: u32,
}

impl Netlink {
    pub(crate) fn open() -> io::Result<Self> {
        let (family, kind) = (AddressFamily::NETLINK, SocketType::RAW);
        // NETLINK_ROUTE is 0, the default.
        let socket = rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, None)?;
        rustix::net::bind(&socket, &SocketAddrNetlink::new(0, 0))?;
        Ok(Self {
            socket,
            sequence: 0,
        })
    }

    /// Brings a card up or down, with another hardware address if one is given.
    pub(crate) fn set_link(
        &mut self,
        index: u32,
        up: bool,
        mac: Option<[u8; 6]>,
    ) -> io::Result<()> {
        // struct ifinfomsg
        let mut body = vec![0; 4];
        body.extend(index.to_ne_bytes());
        body.extend(if up { IFF_UP } else { 0 }.to_ne_bytes());
        body.extend(IFF_UP.to_ne_bytes());
        if let Some(mac) = mac {
            attribute(&mut body, IFLA_ADDRESS, &mac);
        }
        self.request(RTM_NEWLINK, 0, &body)
    }

    /// The card's IPv4 addresses.
    pub(crate) fn addresses(&mut self, index: u32) -> io::Result<Vec<Network>> {
        let any = Network {
            address: Ipv4Addr::UNSPECIFIED.into(),
            prefix: 0,
        };
        self.send(RTM_GETADDR, NLM_F_DUMP, &address_header(0, any))?;
        let mut found = Vec::new();
        self.receive(|kind, body| {
            if kind == RTM_NEWADDR && body.get(4..8) == Some(&index.to_ne_bytes()[..]) {
                found.extend(read_address(body));
            }
        })?;
        Ok(found)
    }

    pub(crate) fn remove_address(&mut self, index: u32, old: Network) -> io::Result<()> {
        let mut body = address_header(index, old);
        attribute(&mut body, IFA_LOCAL, &octets(old.address));
        self.request(RTM_DELADDR, 0, &body)
    }

    /// Brings a card up with this address and, if there is one, this default route.
    pub(crate) fn give(
        &mut self,
        index: u32,
        network: Network,
        gateway: Option<Gateway>,
    ) -> io::Result<()> {
        self.set_link(index, true, None)?;
        self.add_address(index, network)?;
        gateway.map_or(Ok(()), |gateway| self.default_route(index, &gateway))
    }

    /// Adds an address, or leaves it where it is there.
    fn add_address(&mut self, index: u32, new: Network) -> io::Result<()> {
        let mut body = address_header(index, new);
        attribute(&mut body, IFA_LOCAL, &octets(new.address));
        attribute(&mut body, IFA_ADDRESS, &octets(new.address));
        if let IpAddr::V4(address) = new.address
            && new.prefix < 31
        {
            let host = u32::MAX.checked_shr(u32::from(new.prefix)).unwrap_or(0);
            let broadcast = Ipv4Addr::from_bits(address.to_bits() | host);
            attribute(&mut body, IFA_BROADCAST, &broadcast.octets());
        }
        self.request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &body)
    }

    /// Makes this a default route: that of its metric, 0 being the most wanted.
    fn default_route(&mut self, index: u32, route: &Gateway) -> io::Result<()> {
        // struct rtmsg: family, lengths of destination and source, tos, table, protocol, scope, type, flags
        let mut body = vec![
            family(route.address),
            0,
            0,
            0,
            RT_TABLE_MAIN,
            RTPROT_BOOT,
            0,
            RTN_UNICAST,
        ];
        body.extend(if route.onlink { RTNH_F_ONLINK } else { 0 }.to_ne_bytes());
        attribute(&mut body, RTA_GATEWAY, &octets(route.address));
        attribute(&mut body, RTA_OIF, &index.to_ne_bytes());
        if route.metric != 0 {
            attribute(&mut body, RTA_PRIORITY, &route.metric.to_ne_bytes());
        }
        self.request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &body)
    }

    fn request(&mut self, kind: u16, flags: u16, body: &[u8]) -> io::Result<()> {
        self.send(kind, flags | NLM_F_ACK, body)?;
        self.receive(|_, _| {})
    }

    fn send(&mut self, kind: u16, flags: u16, body: &[u8]) -> io::Result<()> {
        self.sequence += 1;
        // struct nlmsghdr
        let mut message = Vec::new();
        message.extend(((16 + body.len()) as u32).to_ne_bytes());
        message.extend(kind.to_ne_bytes());
        message.extend((flags | NLM_F_REQUEST).to_ne_bytes());
        message.extend(self.sequence.to_ne_bytes());
        message.extend([0; 4]);
        message.extend(body);
        rustix::net::send(&self.socket, &message, SendFlags::empty())?;
        Ok(())
    }

    /// Hands out the answers to the last request, up to the kernel's closing word.
    fn receive(&mut self, mut take: impl FnMut(u16, &[u8])) -> io::Result<()> {
        let mut buffer = vec![0; 32 << 10]; // NLMSG_GOODSIZE is at most 8 KiB, a dump's packets at most this
        loop {
            let (count, _) =
                rustix::net::recv(&self.socket, buffer.as_mut_slice(), RecvFlags::empty())?;
            let mut rest = &buffer[..count];
            while let Some((kind, sequence, body, after)) = split(rest) {
                rest = after;
                if sequence != self.sequence {
                    continue;
                }
                match kind {
                    NLMSG_DONE => return Ok(()),
                    NLMSG_ERROR => {
                        let code = body
                            .first_chunk::<4>()
                            .map_or(0, |code| i32::from_ne_bytes(*code));
                        return match code {
                            0 => Ok(()),
                            code => Err(io::Error::from_raw_os_error(-code)),
                        };
                    }
                    kind => take(kind, body),
                }
            }
        }
    }
}

/// The first message of a packet: kind, sequence number, body, and what follows it.
fn split(packet: &[u8]) -> Option<(u16, u32, &[u8], &[u8])> {
    let length = u32::from_ne_bytes(*packet.first_chunk::<4>()?) as usize;
    let body = packet.get(16..length)?;
    let kind = u16::from_ne_bytes([packet[4], packet[5]]);
    let sequence = u32::from_ne_bytes([packet[8], packet[9], packet[10], packet[11]]);
    let after = packet.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some((kind, sequence, body, after))
}

/// `struct ifaddrmsg`. An IPv6 address is used at once: a VM's is its own, and looking for duplicates takes a second.
fn address_header(index: u32, network: Network) -> Vec<u8> {
    let flags = match network.address {
        IpAddr::V4(_) => 0,
        IpAddr::V6(_) => IFA_F_NODAD,
    };
    let mut body = vec![family(network.address), network.prefix, flags, 0];
    body.extend(index.to_ne_bytes());
    body
}

fn family(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => AF_INET,
        IpAddr::V6(_) => AF_INET6,
    }
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().into(),
        IpAddr::V6(address) => address.octets().into(),
    }
}

fn read_address(body: &[u8]) -> Option<Network> {
    let prefix = *body.get(1)?;
    let mut rest = body.get(8..)?;
    while let Some(length) = rest.first_chunk::<2>() {
        let length = usize::from(u16::from_ne_bytes(*length));
        let attribute = rest.get(..length).filter(|a| a.len() >= 4)?;
        if u16::from_ne_bytes([attribute[2], attribute[3]]) == IFA_LOCAL {
            let octets = <[u8; 4]>::try_from(&attribute[4..]).ok()?;
            return Some(Network {
                address: Ipv4Addr::from(octets).into(),
                prefix,
            });
        }
        rest = rest.get(length.next_multiple_of(4)..)?;
    }
    None
}

/// Appends `struct rtattr` with a value.
fn attribute(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    body.extend(((4 + value.len()) as u16).to_ne_bytes());
    body.extend(kind.to_ne_bytes());
    body.extend(value);
    body.resize(body.len().next_multiple_of(4), 0);
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
