use super::super::{Verdict, probe};
use super::*;

impl Host {
    fn probe(&self, lease: &Lease) -> Verdict {
        let lease = lease.clone();
        self.namespace
            .run(move |runtime| runtime.block_on(probe(&lease, PORT, PATIENCE)).unwrap())
    }
}

#[test]
fn each_fault_has_its_verdict() {
    let Some(host) = Host::new(NetworkConfig::default()) else {
        return;
    };
    let lonely = host.attach("lonely");
    assert_eq!(
        host.probe(&lonely),
        Verdict::NoCarrier,
        "no process has the TAP open"
    );

    let guest = host.cabled("guest");
    assert_eq!(
        host.probe(&guest.lease),
        Verdict::NoArp,
        "the card has no address"
    );

    // The mask of a network without the gateway: ARP is answered, IP has no way back.
    let address = guest.lease.address.address;
    guest
        .namespace
        .ip(&format!("address add {address}/32 dev eth0"));
    assert_eq!(host.probe(&guest.lease), Verdict::NoRoute);

    guest
        .namespace
        .ip(&format!("address del {address}/32 dev eth0"));
    guest
        .namespace
        .ip(&format!("address add {} dev eth0", guest.lease.address));
    assert_eq!(host.probe(&guest.lease), Verdict::PortClosed);

    guest.namespace.serve(PORT);
    let verdict = host.probe(&guest.lease);
    assert!(
        matches!(
            verdict,
            Verdict::Open {
                ping_us: Some(_),
                ..
            }
        ),
        "{verdict:?}"
    );

    guest.namespace.ip("link set eth0 down");
    assert_eq!(host.probe(&guest.lease), Verdict::NoCarrier);
}
