//! A port of the guest made reachable on the host.

use std::fmt;
use std::net::{Ipv4Addr, TcpListener};
use std::str::FromStr;

use kindling_base::{Error, Result};
use serde::{Deserialize, Serialize};

/// `[ADDRESS:]HOST:GUEST`: TCP connections to `HOST` on the host end at `GUEST` in the guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Publish {
    /// The host's address that listens; the loopback address where none is given.
    pub address: Ipv4Addr,
    /// The host's port.
    pub host: u16,
    /// The guest's port.
    pub guest: u16,
}

impl FromStr for Publish {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split(':').collect();
        let (address, host, guest) = match parts[..] {
            [host, guest] => (Ipv4Addr::LOCALHOST, host, guest),
            [address, host, guest] => {
                let address = address
                    .parse()
                    .map_err(|_| format!("`{address}` is not an IPv4 address"))?;
                (address, host, guest)
            }
            _ => return Err("expected [ADDRESS:]HOST:GUEST, such as 8080:80".to_owned()),
        };
        Ok(Self {
            address,
            host: port(host)?,
            guest: port(guest)?,
        })
    }
}

fn port(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(port) if port != 0 => Ok(port),
        _ => Err(format!("`{text}` is not a port: expected 1 to 65535")),
    }
}

impl fmt::Display for Publish {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.address, self.host, self.guest)
    }
}

impl Publish {
    /// Whether both would listen on the same address and port.
    pub(crate) fn collides(&self, other: &Self) -> bool {
        let everywhere = self.address.is_unspecified() || other.address.is_unspecified();
        self.host == other.host && (everywhere || self.address == other.address)
    }

    /// Proves that the host's port is free by listening on it for a moment.
    ///
    /// # Errors
    /// Somebody else listens there or we may not; `holder` names the VM of ours that does, if one does.
    pub(crate) fn check_free(&self, holder: impl FnOnce() -> Option<String>) -> Result<()> {
        let Err(error) = TcpListener::bind((self.address, self.host)) else {
            return Ok(());
        };
        let what = format!("cannot publish port {} of {}", self.host, self.address);
        if error.kind() != std::io::ErrorKind::AddrInUse {
            return Err(Error::user(what)
                .because(error)
                .hint("choose another address or port: --publish [ADDRESS:]HOST:GUEST"));
        }
        let elsewhere = format!(
            "choose another one, such as --publish {}:{}",
            self.host.checked_add(1).unwrap_or(8080),
            self.guest
        );
        Err(match holder() {
            Some(vm) => Error::user(format!("{what}: the VM `{vm}` has it")).hint(format!(
                "stop that VM with `kindling stop {vm}`, or {elsewhere}"
            )),
            None => Error::user(format!("{what}: another program listens there"))
                .hint(format!("see which with `ss -ltnp`, or {elsewhere}")),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_printed_parses_to_the_same(address: [u8; 4], host in 1u16.., guest in 1u16..) {
            let publish = Publish { address: address.into(), host, guest };
            prop_assert_eq!(publish.to_string().parse::<Publish>().unwrap(), publish);
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in "[0-9:.a]{0,24}") {
            let _ = text.parse::<Publish>();
        }
    }

    #[test]
    fn the_address_is_optional_and_wrong_parts_are_named() {
        let publish: Publish = "8080:80".parse().unwrap();
        assert_eq!(publish.to_string(), "127.0.0.1:8080:80");
        let wrong = |text: &str| text.parse::<Publish>().unwrap_err();
        assert_eq!(wrong("0:80"), "`0` is not a port: expected 1 to 65535");
        assert_eq!(
            wrong("::1:80:80"),
            "expected [ADDRESS:]HOST:GUEST, such as 8080:80"
        );
        assert_eq!(
            wrong("localhost:80:80"),
            "`localhost` is not an IPv4 address"
        );
    }

    #[test]
    fn an_unspecified_address_collides_with_every_other() {
        let parse = |text: &str| text.parse::<Publish>().unwrap();
        assert!(parse("0.0.0.0:80:1").collides(&parse("127.0.0.1:80:2")));
        assert!(!parse("127.0.0.2:80:1").collides(&parse("127.0.0.1:80:1")));
        assert!(!parse("81:1").collides(&parse("80:1")));
    }
}
