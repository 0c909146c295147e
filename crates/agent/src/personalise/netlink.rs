//! The few requests of rtnetlink(7) that re-address a card.

use std::io;
use std::net::Ipv4Addr;
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
    pub(super) const IFF_UP: u32 = 1;
    pub(super) const IFLA_ADDRESS: u16 = 1;
    pub(super) const IFA_ADDRESS: u16 = 1;
    pub(super) const IFA_LOCAL: u16 = 2;
    pub(super) const IFA_BROADCAST: u16 = 4;
    pub(super) const RTA_OIF: u16 = 4;
    pub(super) const RTA_GATEWAY: u16 = 5;
    pub(super) const RT_TABLE_MAIN: u8 = 254;
    pub(super) const RTPROT_STATIC: u8 = 4;
    pub(super) const RTN_UNICAST: u8 = 1;
    pub(super) const RTNH_F_ONLINK: u32 = 4;
}
use number::*;

/// An address and the length of its network's prefix.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ipv4 {
    pub(super) address: Ipv4Addr,
    pub(super) prefix: u8,
}

/// A socket to the kernel.
pub(super) struct Netlink {
    socket: OwnedFd,
    sequence: u32,
}

impl Netlink {
    pub(super) fn open() -> io::Result<Self> {
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
    pub(super) fn set_link(
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
    pub(super) fn addresses(&mut self, index: u32) -> io::Result<Vec<Ipv4>> {
        self.send(RTM_GETADDR, NLM_F_DUMP, &address_header(0, 0))?;
        let mut found = Vec::new();
        self.receive(|kind, body| {
            if kind == RTM_NEWADDR && body.get(4..8) == Some(&index.to_ne_bytes()[..]) {
                found.extend(read_address(body));
            }
        })?;
        Ok(found)
    }

    pub(super) fn remove_address(&mut self, index: u32, old: Ipv4) -> io::Result<()> {
        let mut body = address_header(index, old.prefix);
        attribute(&mut body, IFA_LOCAL, &old.address.octets());
        self.request(RTM_DELADDR, 0, &body)
    }

    /// Adds an address, or leaves it where it is there.
    pub(super) fn add_address(&mut self, index: u32, new: Ipv4) -> io::Result<()> {
        let mut body = address_header(index, new.prefix);
        attribute(&mut body, IFA_LOCAL, &new.address.octets());
        attribute(&mut body, IFA_ADDRESS, &new.address.octets());
        if new.prefix < 31 {
            let host = u32::MAX.checked_shr(u32::from(new.prefix)).unwrap_or(0);
            let broadcast = Ipv4Addr::from_bits(new.address.to_bits() | host);
            attribute(&mut body, IFA_BROADCAST, &broadcast.octets());
        }
        self.request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &body)
    }

    /// Makes this the default route.
    pub(super) fn default_route(
        &mut self,
        index: u32,
        gateway: Ipv4Addr,
        onlink: bool,
    ) -> io::Result<()> {
        // struct rtmsg: family, lengths of destination and source, tos, table, protocol, scope, type, flags
        let mut body = vec![
            AF_INET,
            0,
            0,
            0,
            RT_TABLE_MAIN,
            RTPROT_STATIC,
            0,
            RTN_UNICAST,
        ];
        body.extend(if onlink { RTNH_F_ONLINK } else { 0 }.to_ne_bytes());
        attribute(&mut body, RTA_GATEWAY, &gateway.octets());
        attribute(&mut body, RTA_OIF, &index.to_ne_bytes());
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

/// `struct ifaddrmsg`.
fn address_header(index: u32, prefix: u8) -> Vec<u8> {
    let mut body = vec![AF_INET, prefix, 0, 0];
    body.extend(index.to_ne_bytes());
    body
}

fn read_address(body: &[u8]) -> Option<Ipv4> {
    let prefix = *body.get(1)?;
    let mut rest = body.get(8..)?;
    while let Some(length) = rest.first_chunk::<2>() {
        let length = usize::from(u16::from_ne_bytes(*length));
        let attribute = rest.get(..length).filter(|a| a.len() >= 4)?;
        if u16::from_ne_bytes([attribute[2], attribute[3]]) == IFA_LOCAL {
            let octets = <[u8; 4]>::try_from(&attribute[4..]).ok()?;
            return Some(Ipv4 {
                address: octets.into(),
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
