//! Gives network cards their addresses and routes, by a few requests of rtnetlink(7).

mod gateway;
mod message;
mod number;

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::fd::OwnedFd;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

use number::*;

pub(crate) use gateway::{Gateway, Network};

/// The number of a network card.
///
/// # Errors
/// No card has this name.
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
            message::attribute(&mut body, IFLA_ADDRESS, &mac);
        }
        self.request(RTM_NEWLINK, 0, &body)
    }

    /// The card's IPv4 addresses.
    pub(crate) fn addresses(&mut self, index: u32) -> io::Result<Vec<Network>> {
        let any = Network {
            address: Ipv4Addr::UNSPECIFIED.into(),
            prefix: 0,
        };
        self.send(RTM_GETADDR, NLM_F_DUMP, &message::address_header(0, any))?;
        let mut found = Vec::new();
        self.receive(|kind, body| {
            if kind == RTM_NEWADDR && body.get(4..8) == Some(&index.to_ne_bytes()[..]) {
                found.extend(message::read_address(body));
            }
        })?;
        Ok(found)
    }

    pub(crate) fn remove_address(&mut self, index: u32, old: Network) -> io::Result<()> {
        let mut body = message::address_header(index, old);
        message::attribute(&mut body, IFA_LOCAL, &message::octets(old.address));
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
        let mut body = message::address_header(index, new);
        message::attribute(&mut body, IFA_LOCAL, &message::octets(new.address));
        message::attribute(&mut body, IFA_ADDRESS, &message::octets(new.address));
        if let (IpAddr::V4(address), prefix @ 0..31) = (new.address, new.prefix) {
            let host = u32::MAX >> prefix;
            let broadcast = Ipv4Addr::from_bits(address.to_bits() | host);
            message::attribute(&mut body, IFA_BROADCAST, &broadcast.octets());
        }
        self.request(RTM_NEWADDR, NLM_F_CREATE | NLM_F_REPLACE, &body)
    }

    /// Makes this a default route: that of its metric, 0 being the most wanted.
    fn default_route(&mut self, index: u32, route: &Gateway) -> io::Result<()> {
        // struct rtmsg: family, lengths of destination and source, tos, table, protocol, scope, type, flags
        let mut body = vec![
            message::family(route.address),
            0,
            0,
            0,
            RT_TABLE_MAIN,
            RTPROT_BOOT,
            0,
            RTN_UNICAST,
        ];
        body.extend(if route.onlink { RTNH_F_ONLINK } else { 0 }.to_ne_bytes());
        message::attribute(&mut body, RTA_GATEWAY, &message::octets(route.address));
        message::attribute(&mut body, RTA_OIF, &index.to_ne_bytes());
        if route.metric != 0 {
            message::attribute(&mut body, RTA_PRIORITY, &route.metric.to_ne_bytes());
        }
        self.request(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, &body)
    }

    fn request(&mut self, kind: u16, flags: u16, body: &[u8]) -> io::Result<()> {
        self.send(kind, flags | NLM_F_ACK, body)?;
        self.receive(|_, _| {})
    }

    fn send(&mut self, kind: u16, flags: u16, body: &[u8]) -> io::Result<()> {
        self.sequence += 1;
        let message = message::request(kind, flags, self.sequence, body);
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
            while let Some((kind, sequence, body, after)) = message::split(rest) {
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
