//! An archive as a recipe describes it: its suites, and whom to trust for them.

use std::path::PathBuf;
use std::time::SystemTime;

/// The suites that make up one archive, and whom to trust for them.
#[derive(Clone, Debug)]
pub struct Archive {
    /// Name under which mirrors are looked up: `debian`, `ubuntu`.
    pub distribution: String,
    /// Whether it is not the distribution's own but a vendor's: suites of vendors are called much the same, so those
    /// of this one go by [`Archive::label`].
    pub vendor: bool,
    /// Suites, in order: `bookworm`, `bookworm-updates`, `bookworm-security`.
    pub suites: Vec<String>,
    /// Components: `main`, `universe`.
    pub components: Vec<String>,
    /// Debian's name of the architecture: `amd64`.
    pub architecture: String,
    /// OpenPGP certificates that may sign, armored or binary.
    pub keyring: PathBuf,
    /// Fingerprints of those that count; with none, all of the keyring do.
    pub keys: Vec<String>,
    /// Takes Release files that have expired.
    pub allow_expired: bool,
    /// The time to compare with.
    pub now: SystemTime,
}

impl Archive {
    /// The name of a suite in a lock: `bookworm`, or `google-chrome/stable` in a vendor's archive.
    pub fn label(&self, suite: &str) -> String {
        match self.vendor {
            true => format!("{}/{suite}", self.distribution),
            false => suite.to_owned(),
        }
    }
}
