//! Versions of Firecracker, and what each can do.

use std::fmt;
use std::str::FromStr;

use kindling_base::{Error, Result};
use serde::{Deserialize, Serialize};

/// A version of Firecracker; what follows the three numbers (`-dev`, a commit) does not count.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Version {
    major: u32,
    minor: u32,
    patch: u32,
}

/// The oldest version that we drive: the one that the system we replace ran, and the first patch release with the PCI
/// transport and snapshots of general availability (its CHANGELOG, 1.13.0 and 1.13.1).
pub const MINIMUM: Version = Version::new(1, 13, 1);

/// Something that not every version from [`MINIMUM`] on can do. Unknown fields and arguments are refused, so each is
/// asked for only where it exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Feature {
    /// `vsock_override` in `PUT /snapshot/load`.
    VsockOverride,
}

/// Since when, and where that is written.
const SINCE: [(Feature, Version, &str); 1] = [(
    Feature::VsockOverride,
    Version::new(1, 16, 0),
    "CHANGELOG 1.16.0, #5323",
)];

impl Version {
    pub(super) const fn new(major: u32, minor: u32, patch: u32) -> Self {
        Self {
            major,
            minor,
            patch,
        }
    }

    /// Whether this version has it.
    pub(super) fn has(self, feature: Feature) -> bool {
        let since = SINCE.iter().find(|(known, _, _)| *known == feature);
        since.is_some_and(|(_, since, _)| self >= *since)
    }

    /// Refuses a version that we cannot drive.
    ///
    /// # Errors
    /// It is older than [`MINIMUM`]; `program` is named in the error.
    pub(super) fn check(self, program: &str) -> Result<()> {
        if self >= MINIMUM {
            return Ok(());
        }
        Err(Error::user(format!("{program} is too old"))
            .note(format!("found    Firecracker {self}"))
            .note(format!("expected Firecracker {MINIMUM} or newer"))
            .hint("install a newer release and name it with --firecracker PATH or KINDLING_FIRECRACKER"))
    }
}

/// The version in the output of `firecracker --version` or `jailer --version`, `Firecracker v1.16.1`.
pub(super) fn in_output(text: &str) -> Option<Version> {
    let words = text.split_whitespace();
    words.filter_map(|word| word.parse().ok()).next()
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Reads `1.16.1`, with or without `v` before it and followed by anything but a digit.
impl FromStr for Version {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let text = text.strip_prefix('v').unwrap_or(text);
        let mut numbers = text.splitn(3, '.');
        let mut number = |cut: bool| {
            let digits = numbers.next().ok_or(Malformed)?;
            let end = digits.find(|c: char| !c.is_ascii_digit());
            match end {
                Some(_) if !cut => Err(Malformed),
                end => digits[..end.unwrap_or(digits.len())]
                    .parse()
                    .map_err(|_| Malformed),
            }
        };
        Ok(Self::new(number(false)?, number(false)?, number(true)?))
    }
}

/// The error for a text that is not a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a version of three numbers")]
pub struct Malformed;

impl From<Version> for String {
    fn from(version: Version) -> Self {
        version.to_string()
    }
}

impl TryFrom<String> for Version {
    type Error = Malformed;

    fn try_from(text: String) -> Result<Self, Malformed> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn versions_are_read_from_what_the_programs_print() {
        let printed = "Firecracker v1.16.1\n\n";
        assert_eq!(in_output(printed), Some(Version::new(1, 16, 1)));
        assert_eq!(
            in_output("Jailer v1.17.0-dev\n"),
            Some(Version::new(1, 17, 0))
        );
        assert_eq!(in_output("QEMU emulator version 8.2 (Debian)"), None);
        assert!("1.9.1".parse::<Version>().unwrap() < MINIMUM);
    }

    #[test]
    fn an_old_one_is_refused_with_both_versions() {
        let report = Version::new(1, 12, 0)
            .check("/opt/firecracker")
            .unwrap_err()
            .report();
        assert!(report.contains("/opt/firecracker is too old"), "{report}");
        assert!(report.contains("found    Firecracker 1.12.0"), "{report}");
        assert!(
            report.contains("expected Firecracker 1.13.1 or newer"),
            "{report}"
        );
        MINIMUM.check("x").unwrap();
    }

    #[test]
    fn features_come_with_their_versions() {
        assert!(!Version::new(1, 15, 1).has(Feature::VsockOverride));
        assert!(Version::new(1, 16, 0).has(Feature::VsockOverride));
        assert!(!MINIMUM.has(Feature::VsockOverride));
    }

    proptest! {
        #[test]
        fn any_text_is_a_version_or_none(text: String) {
            let _ = in_output(&text);
        }

        #[test]
        fn what_is_written_is_read(major: u32, minor: u32, patch: u32) {
            let version = Version::new(major, minor, patch);
            prop_assert_eq!(String::from(version).parse(), Ok(version));
        }
    }
}
