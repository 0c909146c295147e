use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::super::netlink::{Link, Netlink};
use super::super::tap::Tap;
use super::super::{Attachment, detach, reconcile};
use super::*;

impl Host {
    fn links(&self) -> Vec<Link> {
        self.namespace.run(|runtime| {
            runtime.block_on(async { Netlink::open().unwrap().links().await.unwrap() })
        })
    }

    fn taps(&self) -> BTreeSet<String> {
        let links = self.links().into_iter().map(|link| link.name);
        links.filter(|name| name.starts_with("fc-vm-")).collect()
    }

    fn reconcile(&self) -> Attachment {
        let (config, leases) = (self.config.clone(), self.leases());
        self.namespace
            .run(move |runtime| runtime.block_on(reconcile(&config, &leases)).unwrap())
    }
}

/// Makes the lease look as if its taker had died; its VM's folder has no lock.
fn abandon(host: &Host, lease: &Lease) {
    let file = host
        .leases()
        .folder()
        .join(format!("{}.json", lease.address.address));
    let mut json: serde_json::Value =
        serde_json::from_slice(&std::fs::read(&file).unwrap()).unwrap();
    json["taker"]["started"] = 1.into();
    std::fs::write(&file, json.to_string()).unwrap();
}

#[test]
fn a_tap_comes_and_goes_with_its_lease() {
    let Some(host) = Host::new(NetworkConfig::default()) else {
        return;
    };
    let lease = host.attach("one");
    let links = host.links();
    let bridge = links.iter().find(|link| link.name == "br0").unwrap();
    let tap = links.iter().find(|link| link.name == lease.tap).unwrap();
    assert!(bridge.is_bridge && bridge.up);
    assert_eq!(tap.controller, Some(bridge.index));
    assert!(tap.up && !tap.carrier, "nobody has it open");

    let name = lease.tap.clone();
    let opened = host.namespace.run(move |_| Tap::open(&name).unwrap());
    assert!(opened.has_vnet_header());
    let name = lease.tap.clone();
    let error = host.namespace.run(move |_| Tap::open(&name).unwrap_err());
    assert!(
        error.report().contains("in use by another process"),
        "{}",
        error.report()
    );
    drop(opened);

    let (config, leases, gone) = (host.config.clone(), host.leases(), lease.clone());
    host.namespace
        .run(move |runtime| runtime.block_on(detach(&config, &leases, &gone)).unwrap());
    assert_eq!(host.taps(), BTreeSet::new());
    assert_eq!(host.leases().list().unwrap(), []);
}

#[test]
fn exactly_what_is_dead_is_cleared() {
    let Some(host) = Host::new(NetworkConfig::default()) else {
        return;
    };
    let (dead, live) = (host.attach("dead"), host.attach("live"));
    abandon(&host, &dead);
    // TAPs of ours without a lease, idle and in use, and one of somebody else with a name like ours.
    let lost = host.attach("lost");
    host.leases().give_back(&lost).unwrap();
    let used = host.attach("used");
    host.leases().give_back(&used).unwrap();
    let name = used.tap.clone();
    let open = host.namespace.run(move |_| Tap::open(&name).unwrap());
    host.namespace.ip("tuntap add fc-vm-foreign mode tap");
    host.namespace.ip("link set fc-vm-foreign master br0");

    let cleared = clear_a_tap(&host);
    let dead_taps: Vec<_> = cleared.leases.into_iter().map(|lease| lease.tap).collect();
    assert_eq!(dead_taps, [dead.tap]);
    assert_eq!(cleared.taps, [lost.tap]);
    let left = [
        live.tap.clone(),
        used.tap.clone(),
        "fc-vm-foreign".to_owned(),
    ];
    assert_eq!(host.taps(), left.into());
    assert_eq!(
        host.reconcile(),
        Attachment::default(),
        "nothing is left to clear"
    );

    drop(open);
    assert_eq!(clear_a_tap(&host).taps, [used.tap]);
    assert_eq!(host.leases().list().unwrap(), [live]);
}

/// Reconciles until a TAP is cleared: another test that starts a program just now holds all of our descriptors until that
/// runs, those of TAPs too.
fn clear_a_tap(host: &Host) -> Attachment {
    let mut cleared = host.reconcile();
    let began = Instant::now();
    while cleared.taps.is_empty() && began.elapsed() < Duration::from_secs(10) {
        cleared.taps = host.reconcile().taps;
    }
    cleared
}

#[test]
fn a_bridge_of_somebody_else_is_left_alone() {
    let Some(host) = Host::new(NetworkConfig::default()) else {
        return;
    };
    host.namespace.ip("link add br0 type bridge");
    host.namespace.ip("address add 10.1.1.1/16 dev br0");
    let attempt = |host: &Host| {
        let (config, leases) = (host.config.clone(), host.leases());
        let lease = leases.take(&config, &host.vm("one")).unwrap();
        let error = host.namespace.run(move |runtime| {
            let attached = attach(&config, &leases, &lease);
            let error = runtime.block_on(attached).unwrap_err();
            leases.give_back(&lease).unwrap();
            error
        });
        error.report()
    };
    let report = attempt(&host);
    assert!(report.contains("expected 192.168.100.1/24"), "{report}");
    assert!(report.contains("found    10.1.1.1/16"), "{report}");
    host.namespace.ip("link delete br0");
    host.namespace.ip("tuntap add br0 mode tap");
    assert!(attempt(&host).contains("`br0` is a network device, but not a bridge"));
    assert_eq!(host.taps(), BTreeSet::new(), "nothing was made");
}
