//! The network against a real kernel, in network namespaces that each test makes.

mod firecracker;
mod isolation;
mod lives;
mod namespace;
mod outside;
mod verdicts;

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use super::{Lease, Leases, NetworkConfig, attach};
use namespace::Namespace;

/// The port on which guests of these tests listen.
const PORT: u16 = 8080;

/// Long enough for a loaded machine; what answers does so in milliseconds.
const PATIENCE: Duration = Duration::from_secs(3);

/// A host in a network namespace of its own.
struct Host {
    namespace: Namespace,
    folder: TempDir,
    config: NetworkConfig,
}

/// A guest in a namespace of its own: its network card is one end of a veth pair, the other is in the TAP's place.
struct Guest {
    namespace: Namespace,
    lease: Lease,
}

impl Host {
    /// Says why and returns nothing where this machine cannot make namespaces or filters.
    fn new(config: NetworkConfig) -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            println!("skipped: only root makes network namespaces");
            return None;
        }
        for (program, package) in [("nft", "nftables"), ("ip", "iproute2")] {
            if !Path::new("/usr/sbin").join(program).exists() {
                println!("skipped: {package} is not installed");
                return None;
            }
        }
        let namespace = Namespace::new();
        namespace.ip("link set lo up");
        Some(Self {
            namespace,
            folder: tempfile::tempdir().unwrap(),
            config,
        })
    }

    /// Attaches the VM called `name` to the network, with a real TAP.
    fn attach(&self, name: &str) -> Lease {
        let (root, vm) = (self.folder.path().to_owned(), self.vm(name));
        let config = self.config.clone();
        self.namespace.run(move |runtime| {
            let leases = Leases::open_in(&root, &config.bridge).unwrap();
            let lease = leases.take(&config, &vm).unwrap();
            let attached = attach(&config, &leases, &lease);
            runtime.block_on(attached).unwrap();
            lease
        })
    }

    fn vm(&self, name: &str) -> std::path::PathBuf {
        self.folder.path().join("vms").join(name)
    }

    fn leases(&self) -> Leases {
        let (root, bridge) = (self.folder.path().to_owned(), self.config.bridge.clone());
        self.namespace
            .run(move |_| Leases::open_in(&root, &bridge).unwrap())
    }

    /// A guest that is cabled and has its address.
    fn guest(&self, name: &str) -> Guest {
        let guest = self.cabled(name);
        let lease = &guest.lease;
        guest
            .namespace
            .ip(&format!("address add {} dev eth0", lease.address));
        guest
            .namespace
            .ip(&format!("route add default via {}", lease.gateway));
        guest
    }

    /// A guest that is cabled and has no address yet.
    fn cabled(&self, name: &str) -> Guest {
        let lease = self.attach(name);
        let namespace = Namespace::new();
        let (tap, bridge) = (&lease.tap, &lease.bridge);
        let isolated = if self.config.isolate { "on" } else { "off" };
        // The veth takes the TAP's name and place; its other end is the guest's card.
        self.namespace.ip(&format!("link delete {tap}"));
        self.namespace.ip(&format!(
            "link add {tap} type veth peer name eth0 netns {}",
            namespace.path().display()
        ));
        self.namespace
            .ip(&format!("link set {tap} master {bridge} up"));
        self.namespace.ip(&format!(
            "link set {tap} type bridge_slave isolated {isolated}"
        ));
        namespace.ip("link set lo up");
        namespace.ip(&format!("link set eth0 address {} up", lease.mac));
        Guest { namespace, lease }
    }
}
