//! Lists of the packages that a run and the tests need. A build needs none: its tools are packages of a lock.

use crate::{HostPackage, Proof};

/// Needed by the tests: what runs the images, and judges that are not ours.
pub const TEST: &[HostPackage] = &[
    QEMU,
    package(
        "e2fsprogs",
        Proof::Program("e2fsck"),
        "to judge filesystem images in the tests",
    ),
    package(
        "qemu-utils",
        Proof::Program("qemu-img"),
        "to judge disk overlays in the tests",
    ),
    package(
        "mmdebstrap",
        Proof::Program("mmdebstrap"),
        "to compare our configured tree with in the tests",
    ),
    package(
        "uidmap",
        Proof::Program("newuidmap"),
        "to build as an ordinary user in the tests",
    ),
    package(
        "iproute2",
        Proof::Program("ip"),
        "to test networks in namespaces of their own",
    ),
    package(
        "minisign",
        Proof::Program("minisign"),
        "to verify our signatures with the stock tool in the tests",
    ),
    package(
        "nftables",
        Proof::Program("nft"),
        "to filter what guests send, in the tests",
    ),
];

/// Boots what was built.
pub const QEMU: HostPackage = package(
    "qemu-system-x86",
    Proof::Program("qemu-system-x86_64"),
    "to run the images",
);

const fn package(name: &'static str, proof: Proof, reason: &'static str) -> HostPackage {
    HostPackage {
        name,
        proof,
        reason,
    }
}
