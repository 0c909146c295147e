//! The types of `bundle.json`.

use serde::{Deserialize, Serialize};

/// Name of the manifest inside a bundle.
pub const MANIFEST: &str = "bundle.json";

/// Name of the checksum list inside a bundle, in the format of `sha256sum`.
pub const SUMS: &str = "SHA256SUMS";

/// Version of the format. A reader refuses a manifest of a later one.
pub const SCHEMA: u32 = 1;

/// The contents of `bundle.json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// Format version, [`SCHEMA`].
    pub schema: u32,
    /// The recipe's name.
    pub name: String,
    /// One line for a person.
    pub description: String,
    /// Debian's name of the architecture: `amd64`.
    pub architecture: String,
    /// SHA-256 over everything that went in: two bundles with one key are the same.
    pub key: String,
    /// The kernel.
    pub kernel: Kernel,
    /// The initramfs, or `None` where the kernel mounts the root disk itself.
    pub initramfs: Option<Artifact>,
    /// The root filesystem.
    pub rootfs: Rootfs,
    /// Kernel command line, without what a launcher adds (`ip=`).
    pub cmdline: String,
    /// The machine the image is made for.
    pub machine: Machine,
    /// The sign by which a launcher learns that the guest is ready.
    pub ready: Readiness,
    /// Whether the image has the agent: `kindling exec` works.
    #[serde(default)]
    pub agent: bool,
    /// Installed packages, sorted by name and architecture.
    pub packages: Vec<Package>,
    /// Installed packages of npm, sorted by path; left out if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub npm: Vec<NpmPackage>,
    /// Evidence: a bill of materials and a statement of origin.
    #[serde(default)]
    pub evidence: Vec<Artifact>,
}

impl Manifest {
    /// Every file that the manifest lists.
    pub fn artifacts(&self) -> impl Iterator<Item = &Artifact> {
        let always = [&self.kernel.artifact, &self.rootfs.artifact];
        always
            .into_iter()
            .chain(&self.initramfs)
            .chain(&self.evidence)
    }
}

/// A file of the bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Name inside the bundle's folder.
    pub file: String,
    /// Length in bytes.
    pub size: u64,
    /// SHA-256, lowercase hexadecimal.
    pub sha256: String,
}

/// The kernel: a stripped ELF `vmlinux` with a PVH entry point.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kernel {
    /// The file.
    #[serde(flatten)]
    pub artifact: Artifact,
    /// Release as `uname -r` prints it.
    pub release: String,
}

/// The root filesystem image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rootfs {
    /// The file.
    #[serde(flatten)]
    pub artifact: Artifact,
    /// `ext4`.
    pub filesystem: String,
    /// Its UUID, lowercase with dashes.
    pub uuid: String,
}

/// The virtual machine that the recipe asks for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Virtual processors.
    pub vcpus: u32,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Whether it has a network card.
    pub network: bool,
}

/// The sign by which a launcher learns that the guest is ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Readiness {
    /// A line that begins with this text on the serial console means ready.
    pub marker: String,
    /// Give up after this many seconds.
    pub timeout_s: u32,
}

/// One installed package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Package {
    /// Name.
    pub name: String,
    /// Debian version.
    pub version: String,
    /// `amd64` or `all`.
    pub architecture: String,
    /// SHA-256 of its .deb.
    pub sha256: String,
}

/// One installed package of npm.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NpmPackage {
    /// Its folder below `/usr/local/lib`: `node_modules/a/node_modules/b`.
    pub path: String,
    /// Name in the registry.
    pub name: String,
    /// Version.
    pub version: String,
    /// Hash of its tarball: `sha512-BASE64`.
    pub integrity: String,
}
