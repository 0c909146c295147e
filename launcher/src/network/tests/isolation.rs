use std::io::ErrorKind;

use super::*;

/// How long a packet that is dropped is waited for.
const DROPPED: Duration = Duration::from_millis(700);

#[test]
fn guests_reach_the_host_and_not_each_other() {
    let Some(host) = Host::new(NetworkConfig::default()) else {
        return;
    };
    let (one, two) = (host.guest("one"), host.guest("two"));
    host.namespace.serve(PORT);
    two.namespace.serve(PORT);
    let gateway = format!("{}:{PORT}", one.lease.gateway);
    assert_eq!(
        one.namespace.ask(&gateway, PATIENCE),
        Ok(one.lease.address.address.to_string())
    );
    let other = two.lease.address.address;
    one.namespace
        .ask(&format!("{other}:{PORT}"), DROPPED)
        .unwrap_err();
    // Nor over the gateway.
    one.namespace
        .ip(&format!("route add {other}/32 via {}", one.lease.gateway));
    one.namespace
        .ask(&format!("{other}:{PORT}"), DROPPED)
        .unwrap_err();
}

#[test]
fn guests_reach_each_other_where_the_engineer_wants_it() {
    let config = NetworkConfig {
        isolate: false,
        ..NetworkConfig::default()
    };
    let Some(host) = Host::new(config) else {
        return;
    };
    let (one, two) = (host.guest("one"), host.guest("two"));
    two.namespace.serve(PORT);
    let other = format!("{}:{PORT}", two.lease.address.address);
    assert_eq!(
        one.namespace.ask(&other, PATIENCE),
        Ok(one.lease.address.address.to_string())
    );
}

#[test]
fn a_guest_sends_only_as_what_it_was_leased() {
    let Some(host) = Host::new(NetworkConfig::default()) else {
        return;
    };
    let (one, two) = (host.guest("one"), host.guest("two"));
    host.namespace.serve(PORT);
    let gateway = format!("{}:{PORT}", one.lease.gateway);
    one.namespace.ask(&gateway, PATIENCE).unwrap();
    // Another guest's address, and another card's.
    let (own, other) = (one.lease.address, two.lease.address);
    one.namespace.ip(&format!("address del {own} dev eth0"));
    one.namespace.ip(&format!("address add {other} dev eth0"));
    let error = one.namespace.ask(&gateway, DROPPED).unwrap_err();
    assert!(
        matches!(
            error,
            ErrorKind::TimedOut | ErrorKind::WouldBlock | ErrorKind::HostUnreachable
        ),
        "{error:?}"
    );
    one.namespace.ip(&format!("address del {other} dev eth0"));
    one.namespace.ip(&format!("address add {own} dev eth0"));
    one.namespace.ask(&gateway, PATIENCE).unwrap();
    one.namespace.ip("link set eth0 address 02:00:00:00:00:99");
    one.namespace.ask(&gateway, DROPPED).unwrap_err();
}
