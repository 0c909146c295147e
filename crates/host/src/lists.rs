//! Lists of the packages that a build, a run and the tests need.

use crate::{HostPackage, Proof};

/// Needed to build a kernel.
pub const KERNEL: &[HostPackage] = &[
    package("gcc", Proof::Program("gcc"), "to compile the kernel"),
    package(
        "binutils",
        Proof::Program("ld"),
        "to assemble and link the kernel",
    ),
    package(
        "make",
        Proof::Program("make"),
        "to run the kernel's build system",
    ),
    package(
        "flex",
        Proof::Program("flex"),
        "to build the kernel's configuration tool",
    ),
    package(
        "bison",
        Proof::Program("bison"),
        "to build the kernel's configuration tool",
    ),
    package(
        "bc",
        Proof::Program("bc"),
        "to compute the kernel's timer constants",
    ),
    package(
        "mawk",
        Proof::Program("awk"),
        "to generate the kernel's instruction tables",
    ),
    package(
        "libc6-dev",
        Proof::File(&["/usr/include/stdlib.h"]),
        "to compile the programs that the kernel's build runs",
    ),
    package(
        "libelf-dev",
        Proof::File(&["/usr/include/gelf.h"]),
        "to build objtool, which the kernel's CPU mitigations need",
    ),
];

/// Needed by `build-image`: the kernel's tools, and QEMU, so that what was built runs without another step.
pub fn build() -> Vec<HostPackage> {
    [KERNEL, &[QEMU]].concat()
}

/// Needed by the tests besides [`build`]: judges that are not ours.
pub const TEST: &[HostPackage] = &[
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
