//! The network card's addresses.
//!
//! By the kernel's own interface and not by `ip`: it takes well under a millisecond where starting a program takes
//! tens of them in an emulated guest, a clone's first answer waits for it, and an image need not have `ip`.

use std::io;
use std::path::Path;

use kindling_protocol::{Address, Outcome};

use crate::netlink::{self, Gateway, Netlink, Network};
use crate::resolv;

/// Gives the card its new addresses instead of those it has: down, hardware address, up, address, route, name servers.
pub(super) fn address(wanted: &Address) -> io::Result<Outcome> {
    if wanted.prefix > 32 {
        return Err(io::Error::other(format!(
            "{} is no length of a prefix",
            wanted.prefix
        )));
    }
    let name = &wanted.interface;
    if name.is_empty() || name.contains('/') || name.starts_with('.') {
        return Err(io::Error::other(format!(
            "`{}` is no name of a device",
            name.escape_debug()
        )));
    }
    let mac = wanted.mac.as_deref().map(parse_mac).transpose()?;
    let index = netlink::index(name)?;
    let mut netlink = Netlink::open()?;
    let new = Network {
        address: wanted.address.into(),
        prefix: wanted.prefix,
    };
    for old in netlink.addresses(index)? {
        if old != new {
            netlink.remove_address(index, old)?;
        }
    }
    if let Some(mac) = mac {
        // Not while it is up: neighbours and the card's queues would keep the old one for a while.
        netlink.set_link(index, false, None)?;
        netlink.set_link(index, false, Some(mac))?;
    }
    let gateway = wanted.gateway;
    let gateway = gateway.map(|gateway| Gateway::of(new, gateway.into(), 0));
    netlink.give(index, new, gateway)?;
    let by = "kindling-agent for this clone";
    resolv::write(Path::new(resolv::PATH), &wanted.dns, by)?;
    Ok(Outcome::Done)
}

fn parse_mac(text: &str) -> io::Result<[u8; 6]> {
    let parts: Option<Vec<u8>> = text
        .split(':')
        .map(|part| {
            let plain = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_hexdigit());
            u8::from_str_radix(part, 16).ok().filter(|_| plain)
        })
        .collect();
    let mac = parts.and_then(|parts| <[u8; 6]>::try_from(parts).ok());
    mac.filter(|mac| mac[0] & 1 == 0).ok_or_else(|| {
        io::Error::other(format!(
            "`{}` is no hardware address of a card",
            text.escape_debug()
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hardware_addresses_are_read_or_refused() {
        assert_eq!(
            parse_mac("02:00:0a:FF:00:01").unwrap(),
            [2, 0, 10, 255, 0, 1]
        );
        for wrong in [
            "",
            "02:00:0a:ff:00",
            "01:00:5e:00:00:01",
            "2:0:a:ff:0:1",
            "+2:00:00:00:00:01",
        ] {
            assert!(parse_mac(wrong).is_err(), "{wrong}");
        }
    }
}
