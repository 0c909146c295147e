//! What the machine must have for a build, for a run and for the tests.

use kindling_base::host::{HostPackage, Proof};

/// Needed by `build-image`. The kernel's own list is `Documentation/process/changes.rst` of its source.
pub const BUILD: &[HostPackage] = &[
    package("gcc", Proof::Program("gcc"), "to compile the kernel"),
    package("make", Proof::Program("make"), "to compile the kernel"),
    package("flex", Proof::Program("flex"), "to build the kernel's configuration program"),
    package("bison", Proof::Program("bison"), "to build the kernel's configuration program"),
    package("bc", Proof::Program("bc"), "to compute the kernel's time constants"),
    package("perl", Proof::Program("perl"), "to run the kernel's build scripts"),
    package("libelf-dev", Proof::File(&["/usr/include/libelf.h"]), "to build objtool, which the CPU mitigations need"),
    package("libc6-dev", Proof::File(&["/usr/include/x86_64-linux-gnu/sys/types.h"]), "to compile programs"),
    QEMU,
];

/// Needed by the tests beside [`BUILD`]: judges that are not ours.
pub const TEST: &[HostPackage] = &[
    package("e2fsprogs", Proof::Program("e2fsck"), "to judge filesystem images in the tests"),
    package("qemu-utils", Proof::Program("qemu-img"), "to judge disk overlays in the tests"),
    package("mmdebstrap", Proof::Program("mmdebstrap"), "to compare our configured tree with in the tests"),
    package("iproute2", Proof::Program("ip"), "to test the guest's network script in a network namespace"),
];

/// Boots what was built.
pub const QEMU: HostPackage =
    package("qemu-system-x86", Proof::Program("qemu-system-x86_64"), "to run the images");

const fn package(name: &'static str, proof: Proof, reason: &'static str) -> HostPackage {
    HostPackage { name, proof, reason }
}
