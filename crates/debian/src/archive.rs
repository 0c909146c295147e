//! What a recipe says about the archive that its packages come from.

use std::path::PathBuf;
use std::time::SystemTime;

/// The suites that make up one distribution's archive, and whom to trust for them.
#[derive(Clone, Debug)]
pub struct Archive {
    /// Name under which mirrors are looked up: `debian`, `ubuntu`.
    pub distribution: String,
    /// Suites, in order: `bookworm`, `bookworm-updates`, `bookworm-security`.
    pub suites: Vec<String>,
    /// Components: `main`, `universe`.
    pub components: Vec<String>,
    /// Debian's name of the architecture: `amd64`.
    pub architecture: String,
    /// OpenPGP certificates that may sign, armored or binary.
    pub keyring: PathBuf,
    /// Takes Release files that have expired.
    pub allow_expired: bool,
    /// The time to compare with.
    pub now: SystemTime,
}
