//! Suites and packages as a lock pins them.

/// The state of one suite that a lock was made of.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedSuite {
    /// Its name.
    pub name: String,
    /// The date of its Release file, `20261128T005302Z`; a snapshot archive has the suite as it was then.
    pub date: String,
    /// Fingerprint of the key that signed it.
    pub signed_by: String,
}

/// One package of a lock: its identity, never an address.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedPackage {
    /// Name.
    pub name: String,
    /// Debian version.
    pub version: String,
    /// `amd64` or `all`.
    pub architecture: String,
    /// Length of the .deb in bytes.
    pub size: u64,
    /// SHA-256 of the .deb, lowercase hexadecimal.
    pub sha256: String,
    /// Path of the .deb below the archive, `pool/main/...`.
    pub path: String,
    /// The suite that offers it; it tells which mirror has it.
    pub suite: String,
    /// The layer of the tree that it is in: packages that were added to a lock later go on top of the earlier ones.
    #[serde(default)]
    pub layer: u32,
}
