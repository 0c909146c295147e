use super::super::Egress;
use super::*;

/// A server beyond the host, which knows the host's address there and nothing of guests.
fn outside(host: &Host) -> Namespace {
    let outside = Namespace::new();
    host.namespace.ip(&format!(
        "link add up0 type veth peer name eth0 netns {}",
        outside.path().display()
    ));
    host.namespace.ip("address add 203.0.113.1/24 dev up0");
    host.namespace.ip("link set up0 up");
    outside.ip("address add 203.0.113.7/24 dev eth0");
    outside.ip("link set eth0 up");
    outside.serve(PORT);
    outside.serve(PORT + 1);
    outside
}

#[test]
fn guests_go_out_with_the_hosts_address_and_nobody_comes_in() {
    let Some(host) = Host::new(NetworkConfig::default()) else {
        return;
    };
    let outside = outside(&host);
    let guest = host.guest("guest");
    guest.namespace.serve(PORT);
    let server = format!("203.0.113.7:{PORT}");
    assert_eq!(
        guest.namespace.ask(&server, PATIENCE),
        Ok("203.0.113.1".to_owned())
    );

    let subnet = host.config.address.network();
    outside.ip(&format!("route add {subnet} via 203.0.113.1"));
    let inside = format!("{}:{PORT}", guest.lease.address.address);
    outside
        .ask(&inside, Duration::from_millis(700))
        .unwrap_err();
}

#[test]
fn a_policy_says_where_guests_may_go() {
    let allowed: Egress = format!("203.0.113.0/24:{PORT}").parse().unwrap();
    let config = NetworkConfig {
        egress: Some(vec![allowed]),
        ..NetworkConfig::default()
    };
    let Some(host) = Host::new(config) else {
        return;
    };
    let _outside = outside(&host);
    let guest = host.guest("guest");
    guest
        .namespace
        .ask(&format!("203.0.113.7:{PORT}"), PATIENCE)
        .unwrap();
    let refused = guest
        .namespace
        .ask(&format!("203.0.113.7:{}", PORT + 1), PATIENCE);
    // At once, by an ICMP answer, and not by silence.
    assert_eq!(refused, Err(std::io::ErrorKind::HostUnreachable));
}
