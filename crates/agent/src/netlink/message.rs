//! The bytes of messages: headers and attributes.

use std::net::{IpAddr, Ipv4Addr};

use super::gateway::Network;
use super::number::{AF_INET, AF_INET6, IFA_F_NODAD, IFA_LOCAL, NLM_F_REQUEST};

/// A request: `struct nlmsghdr` and the body.
pub(super) fn request(kind: u16, flags: u16, sequence: u32, body: &[u8]) -> Vec<u8> {
    let mut message = Vec::new();
    message.extend(((16 + body.len()) as u32).to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend((flags | NLM_F_REQUEST).to_ne_bytes());
    message.extend(sequence.to_ne_bytes());
    message.extend([0; 4]);
    message.extend(body);
    message
}

/// The first message of a packet: kind, sequence number, body, and what follows it.
pub(super) fn split(packet: &[u8]) -> Option<(u16, u32, &[u8], &[u8])> {
    let length = u32::from_ne_bytes(*packet.first_chunk::<4>()?) as usize;
    let body = packet.get(16..length)?;
    let kind = u16::from_ne_bytes([packet[4], packet[5]]);
    let sequence = u32::from_ne_bytes([packet[8], packet[9], packet[10], packet[11]]);
    let after = packet.get(length.next_multiple_of(4)..).unwrap_or_default();
    Some((kind, sequence, body, after))
}

/// `struct ifaddrmsg`. An IPv6 address is used at once: a VM's is its own, and looking for duplicates takes a second.
pub(super) fn address_header(index: u32, network: Network) -> Vec<u8> {
    let flags = match network.address {
        IpAddr::V4(_) => 0,
        IpAddr::V6(_) => IFA_F_NODAD,
    };
    let mut body = vec![family(network.address), network.prefix, flags, 0];
    body.extend(index.to_ne_bytes());
    body
}

pub(super) fn family(address: IpAddr) -> u8 {
    match address {
        IpAddr::V4(_) => AF_INET,
        IpAddr::V6(_) => AF_INET6,
    }
}

pub(super) fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(address) => address.octets().into(),
        IpAddr::V6(address) => address.octets().into(),
    }
}

pub(super) fn read_address(body: &[u8]) -> Option<Network> {
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
pub(super) fn attribute(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    body.extend(((4 + value.len()) as u16).to_ne_bytes());
    body.extend(kind.to_ne_bytes());
    body.extend(value);
    body.resize(body.len().next_multiple_of(4), 0);
}
