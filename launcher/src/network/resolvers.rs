//! The host's name servers, for guests for which none are configured.

use std::net::Ipv4Addr;

/// Files that may name them, the more useful first: systemd-resolved's own list, behind its stub on the loopback
/// address, and resolv.conf(5).
const FILES: [&str; 2] = ["/run/systemd/resolve/resolv.conf", "/etc/resolv.conf"];

/// As many as fit into `ip=` (`Documentation/admin-guide/nfs/nfsroot.rst`).
const MOST: usize = 2;

/// Name servers that a guest can reach too, which leaves out those on this host's loopback address.
pub(super) fn of_this_host() -> Vec<Ipv4Addr> {
    let texts = FILES
        .iter()
        .filter_map(|file| std::fs::read_to_string(file).ok());
    let found = texts
        .map(|text| parse(&text))
        .find(|servers| !servers.is_empty());
    found.unwrap_or_default()
}

fn parse(text: &str) -> Vec<Ipv4Addr> {
    let server = |line: &str| {
        let address: Ipv4Addr = line
            .trim()
            .strip_prefix("nameserver")?
            .trim()
            .parse()
            .ok()?;
        (!address.is_loopback() && !address.is_unspecified()).then_some(address)
    };
    text.lines().filter_map(server).take(MOST).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_stub_on_the_loopback_address_is_of_no_use_to_a_guest() {
        let text = "# comment\nnameserver 127.0.0.53\nnameserver ::1\nsearch x\nnameserver 192.0.2.1\n nameserver\t192.0.2.2\n";
        assert_eq!(
            parse(text),
            ["192.0.2.1", "192.0.2.2"].map(|a| a.parse::<Ipv4Addr>().unwrap())
        );
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "(nameserver[ -~]{0,20}\n){0,4}") {
            prop_assert!(parse(&text).len() <= MOST);
        }
    }
}
