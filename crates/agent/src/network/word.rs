//! Words of the kernel command line that speak of the network.

use std::net::{IpAddr, Ipv4Addr};

use crate::netlink::Network;
use crate::personalise::is_hostname;

/// A word that means something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Card(Box<Card>),
    Nameserver(IpAddr),
}

/// The request of an `ip=`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Card {
    /// A plain name; nothing for the first card.
    pub(super) device: Option<String>,
    pub(super) auto: Auto,
    pub(super) nameservers: Vec<IpAddr>,
    pub(super) hostname: Option<String>,
    /// Parts of the word that cannot be honoured: a card with an address is worth more than none.
    pub(super) complaints: Vec<String>,
}

/// The source of a card's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Auto {
    /// The word itself, with the gateway.
    Static(Network, Option<IpAddr>),
    /// Nothing: the card is only brought up.
    Up,
    Dhcp,
}

/// Parses a word. `None` for a word about something else, and for one that asks for nothing.
///
/// The error says what is wrong with it.
pub(super) fn parse(word: &str) -> Option<Result<Word, String>> {
    if let Some(text) = word.strip_prefix("nameserver=") {
        return Some(nameserver(field(&mut { text })).map(Word::Nameserver));
    }
    let text = word.strip_prefix("ip=")?;
    let card = match text {
        "off" | "none" => return None,
        "dhcp" | "on" | "any" | "both" | "bootp" | "rarp" => Ok(Card {
            device: None,
            auto: Auto::Dhcp,
            nameservers: Vec::new(),
            hostname: None,
            complaints: Vec::new(),
        }),
        _ if text.contains(':') || text.split('.').count() > 3 => card(text),
        _ => Err(format!(
            "'{text}' is neither an address nor a way to get one"
        )),
    };
    Some(card.map(|card| Word::Card(Box::new(card))))
}

/// Takes the first field off. Brackets guard the colons of IPv6.
fn field<'a>(rest: &mut &'a str) -> &'a str {
    let bracketed = rest.strip_prefix('[').and_then(|text| text.split_once(']'));
    let (field, after) = match bracketed {
        Some((field, after)) => (field, after.strip_prefix(':').unwrap_or(after)),
        None => rest.split_once(':').unwrap_or((rest, "")),
    };
    *rest = after;
    field
}

fn card(text: &str) -> Result<Card, String> {
    let mut rest = text;
    let fields: [&str; 9] = std::array::from_fn(|_| field(&mut rest));
    let [
        client,
        _server,
        gateway,
        netmask,
        hostname,
        device,
        autoconf,
        dns @ ..,
    ] = fields;
    let auto = match (client, autoconf) {
        ("" | "0.0.0.0", "off" | "none") => Auto::Up,
        ("" | "0.0.0.0", _) => Auto::Dhcp,
        _ => address(client, gateway, netmask)?,
    };
    if device.contains('/') || matches!(device, "." | "..") {
        return Err(format!("'{device}' is no name of a device"));
    }
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let mut card = Card {
        device: some(device),
        auto,
        nameservers: Vec::new(),
        hostname: some(hostname),
        complaints: Vec::new(),
    };
    for server in dns.into_iter().filter(|server| !server.is_empty()) {
        match nameserver(server) {
            Ok(server) => card.nameservers.push(server),
            Err(complaint) => card.complaints.push(complaint),
        }
    }
    if let Some(hostname) = card.hostname.take_if(|name| !is_hostname(name)) {
        let complaint = format!("'{hostname}' is no name of a host");
        card.complaints.push(complaint);
    }
    Ok(card)
}

fn address(client: &str, gateway: &str, netmask: &str) -> Result<Auto, String> {
    let address: IpAddr = client
        .parse()
        .map_err(|_| format!("'{client}' is no address"))?;
    let prefix = match address {
        IpAddr::V4(address) => {
            prefix(netmask, address).ok_or_else(|| format!("'{netmask}' is no netmask"))?
        }
        IpAddr::V6(_) if netmask.is_empty() => 64,
        IpAddr::V6(_) => {
            length(netmask, 128).ok_or_else(|| format!("'{netmask}' is no prefix length"))?
        }
    };
    let gateway = match gateway {
        "" | "0.0.0.0" => None,
        text => match text.parse::<IpAddr>() {
            Ok(gateway) if gateway.is_ipv4() == address.is_ipv4() => Some(gateway),
            Ok(_) if address.is_ipv6() => {
                return Err(format!(
                    "the gateway {text} is not an IPv6 address as {client} is"
                ));
            }
            _ => return Err(format!("'{text}' is no address of a gateway")),
        },
    };
    Ok(Auto::Static(Network { address, prefix }, gateway))
}

/// The prefix length for an IPv4 address; `None` for a malformed mask, such as one with a hole.
fn prefix(netmask: &str, address: Ipv4Addr) -> Option<u8> {
    if netmask.is_empty() {
        return Some(match address.octets()[0] {
            0..128 => 8,
            128..192 => 16,
            192.. => 24,
        });
    }
    if !netmask.contains('.') {
        return length(netmask, 32);
    }
    let mask = netmask.parse::<Ipv4Addr>().ok()?.to_bits();
    let ones = mask.leading_ones();
    (mask.count_ones() == ones).then_some(ones as u8)
}

/// A plain number up to `most`.
fn length(text: &str, most: u8) -> Option<u8> {
    let number: u8 = text.parse().ok()?;
    (number <= most && number.to_string() == text).then_some(number)
}

fn nameserver(text: &str) -> Result<IpAddr, String> {
    text.parse()
        .map_err(|_| format!("'{text}' is no address of a name server"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn network(address: &str, prefix: u8) -> Network {
        Network {
            address: address.parse().unwrap(),
            prefix,
        }
    }

    #[test]
    fn a_whole_word_has_nine_fields() {
        let word = "ip=[2001:db8::2]:srv:[fe80::1]:56:guest-7:eth0:off:9.9.9.9:[::53]";
        let expected = Card {
            device: Some("eth0".into()),
            auto: Auto::Static(network("2001:db8::2", 56), Some("fe80::1".parse().unwrap())),
            nameservers: vec!["9.9.9.9".parse().unwrap(), "::53".parse().unwrap()],
            hostname: Some("guest-7".into()),
            complaints: Vec::new(),
        };
        assert_eq!(parse(word), Some(Ok(Word::Card(Box::new(expected)))));
        for nothing in ["ip=off", "ip=none", "quiet", "xip=1", "ip"] {
            assert_eq!(parse(nothing), None, "{nothing}");
        }
    }

    proptest! {
        /// A device's name has no `/`, a prefix fits its address, and a gateway is of the same family, for any text.
        #[test]
        fn what_is_taken_is_plain(text in "(\\[?[0-9a-f:.]{0,12}\\]?|[ -~]{0,6}|off|dhcp|:){0,12}") {
            if let Some(Ok(Word::Card(card))) = parse(&format!("ip={text}")) {
                prop_assert!(card.device.is_none_or(|name| !name.contains('/')));
                if let Auto::Static(network, gateway) = card.auto {
                    let most = if network.address.is_ipv4() { 32 } else { 128 };
                    prop_assert!(network.prefix <= most);
                    prop_assert!(gateway.is_none_or(|g| g.is_ipv4() == network.address.is_ipv4()));
                }
            }
        }

        #[test]
        fn a_mask_is_its_length(length in 0_u8..=32) {
            let mask = Ipv4Addr::from_bits(u32::MAX.checked_shl(32 - u32::from(length)).unwrap_or(0));
            prop_assert_eq!(prefix(&mask.to_string(), Ipv4Addr::LOCALHOST), Some(length));
            prop_assert_eq!(prefix(&length.to_string(), Ipv4Addr::LOCALHOST), Some(length));
        }
    }
}
