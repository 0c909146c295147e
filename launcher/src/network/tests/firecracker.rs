//! The TAP of a guest that is restored on a real Firecracker.

use kindling_base::files;

use super::super::netlink::Netlink;
use super::super::{Network, NetworkConfig};
use super::{Host, Lease};
use crate::vm::spec::Spec;
use crate::vmm::Machine;
use crate::vmm::firecracker::tests::lab::{Lab, Running, assert_counts};
use crate::vmm::firecracker::{Fill, Jail, jailer};

impl Host {
    /// Gives a VM the TAP of this lease.
    fn cable(&self, spec: &mut Spec, lease: &Lease) {
        spec.network = Some(Network::Tap {
            lease: lease.clone(),
            leases: self.leases(),
            config: Box::new(self.config.clone()),
        });
    }
}

/// Whether somebody has the TAP open.
async fn is_open(tap: &str) -> bool {
    let link = Netlink::open().unwrap().link(tap).await.unwrap();
    link.unwrap().carrier
}

#[test]
fn a_restored_guest_gets_a_tap_of_its_own() {
    let Some(lab) = Lab::new() else { return };
    let Some(host) = Host::new(NetworkConfig::default()) else {
        return;
    };
    let [first, second] = ["first", "second"].map(|name| host.attach(name));
    let snapshot = lab.folder("snapshot");
    files::create_dir_all(&snapshot).unwrap();
    let (folder, mut spec) = lab.counting("first");
    host.cable(&mut spec, &first);
    let (clone_folder, mut clone) = lab.clone_of("second", &snapshot, Fill::File);
    host.cable(&mut clone, &second);

    let said = host.namespace.run(move |runtime| {
        runtime.block_on(async {
            let mut running = Running::start(&folder, &spec).await.unwrap();
            running.wait_for("beat 00000003\n").await;
            assert!(is_open(&first.tap).await && !is_open(&second.tap).await);
            running.machine.pause().await.unwrap();
            running.machine.save(&snapshot).await.unwrap();
            // The first one goes on: the second must not want its TAP.
            running.machine.unpause().await.unwrap();
            let mut restored = Running::start(&clone_folder, &clone).await.unwrap();
            assert!(is_open(&first.tap).await && is_open(&second.tap).await);
            restored.wait_for_lines(4).await;
            running.wait_for_lines(8).await;
            drop(running);
            restored.kill().await
        })
    });
    assert_counts(&said);
}

#[test]
fn a_jailed_guest_has_its_tap() {
    let Some(lab) = Lab::new() else { return };
    let Some(host) = Host::new(NetworkConfig::default()) else {
        return;
    };
    let Ok(program) = jailer(lab.program()) else {
        println!("skipped: there is no jailer");
        return;
    };
    let lease = host.attach("jailed");
    let (folder, mut spec) = lab.counting("jailed");
    host.cable(&mut spec, &lease);
    spec.firecracker.as_mut().unwrap().jail = Some(Jail {
        program: program.path,
        uid: 64_124,
        gid: 64_124,
    });
    host.namespace.run(move |runtime| {
        runtime.block_on(async {
            let mut running = Running::start(&folder, &spec).await.unwrap();
            running.wait_for("beat 00000001\n").await;
            assert!(is_open(&lease.tap).await);
            running.kill().await;
        });
    });
}
