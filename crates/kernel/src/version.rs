//! Versions of Linux, and which of them a line of a fragment is for.

use std::fmt;
use std::path::Path;

use kindling_base::{Error, Result, files};

/// A release of Linux. Versions compare as kernel.org counts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    major: u32,
    minor: u32,
    patch: u32,
}

impl Version {
    /// Reads `6.12` or `6.12.3`; `6.12` is `6.12.0`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split('.').map(number);
        let version = Self {
            major: numbers.next()??,
            minor: numbers.next()??,
            patch: numbers.next().unwrap_or(Some(0))?,
        };
        numbers.next().is_none().then_some(version)
    }

    /// The version in the first lines of the source's `Makefile`: `VERSION`, `PATCHLEVEL` and `SUBLEVEL`.
    ///
    /// # Errors
    /// The file cannot be read or lacks one of them: an external error, since a kernel's source has it.
    pub(super) fn of_source(tree: &Path) -> Result<Self> {
        let path = tree.join("Makefile");
        let text = files::read_text(&path)?;
        let value = |key: &str| {
            let mut lines = text.lines().filter_map(|line| line.split_once('='));
            number(lines.find(|(name, _)| name.trim() == key)?.1.trim())
        };
        let [major, minor, patch] = ["VERSION", "PATCHLEVEL", "SUBLEVEL"].map(value);
        match (major, minor, patch) {
            (Some(major), Some(minor), Some(patch)) => Ok(Self {
                major,
                minor,
                patch,
            }),
            _ => Err(Error::external(format!(
                "{} does not say which version of Linux it is",
                path.display()
            ))
            .note("looked for VERSION, PATCHLEVEL and SUBLEVEL")
            .hint("is the tarball the source of Linux?")),
        }
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.patch)
    }
}

/// Digits alone: no sign, no space.
fn number(text: &str) -> Option<u32> {
    text.bytes().all(|b| b.is_ascii_digit()).then_some(text)?;
    text.parse().ok()
}

/// The versions that a line is for: `from` and later, and earlier than `before`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Range {
    from: Option<Version>,
    before: Option<Version>,
}

impl Range {
    /// Reads `linux >= 6.9`, `linux < 6.9` or both with a comma between: `linux >= 6.2, < 6.9`.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut range = Self::default();
        for bound in text.trim().strip_prefix("linux ")?.split(',') {
            let bound = bound.trim();
            let (slot, version) = match bound.strip_prefix(">=") {
                Some(version) => (&mut range.from, version),
                None => (&mut range.before, bound.strip_prefix('<')?),
            };
            if slot.replace(Version::parse(version.trim())?).is_some() {
                return None; // the same bound twice
            }
        }
        let empty = range
            .from
            .zip(range.before)
            .is_some_and(|(from, before)| from >= before);
        (!empty).then_some(range)
    }

    /// Whether it is every version.
    pub(super) fn is_all(self) -> bool {
        self == Self::default()
    }

    /// Whether this version is one of them.
    pub(super) fn contains(self, version: Version) -> bool {
        self.from.is_none_or(|from| version >= from)
            && self.before.is_none_or(|before| version < before)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;
    use proptest::prelude::*;

    fn version(text: &str) -> Version {
        Version::parse(text).unwrap()
    }

    #[test]
    fn versions_compare_by_number() {
        assert!(version("6.9") < version("6.12"));
        assert!(version("6.1.192") < version("6.2"));
        assert_eq!(version("6.12"), version("6.12.0"));
        for text in [
            "", "6", "6.", "6.+1", "6.1.2.3", "6.x", " 6.1", "6.1-rc1", "6..1",
        ] {
            assert_eq!(Version::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_range_has_one_bound_or_two() {
        let holds = |range: &str, of: &str| Range::parse(range).unwrap().contains(version(of));
        assert!(holds("linux >= 6.9", "6.9"));
        assert!(!holds("linux >= 6.9", "6.8.12"));
        assert!(holds("linux < 6.9", "6.8.12"));
        assert!(!holds("linux < 6.9", "6.9.0"));
        assert!(holds("linux >= 6.2, < 6.9", "6.2"));
        assert!(holds("linux < 6.9, >= 6.2", "6.8"));
        assert!(!holds("linux >= 6.2, < 6.9", "6.1.192"));
        for text in [
            "linux",
            "linux 6.9",
            "linux > 6.9",
            "linux <= 6.9",
            "linus < 6.9",
            "linux < 6.9, < 6.8",
            "linux >= 6.9, < 6.9",
            "linux < 6.9,",
        ] {
            assert_eq!(Range::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_source_says_its_version() {
        let tree = tempfile::tempdir().unwrap();
        let makefile = tree.path().join("Makefile");
        std::fs::write(
            &makefile,
            "# SPDX\nVERSION = 6\nPATCHLEVEL = 12\nSUBLEVEL = 118\nEXTRAVERSION =\nNAME = X\n",
        )
        .unwrap();
        assert_eq!(
            Version::of_source(tree.path()).unwrap().to_string(),
            "6.12.118"
        );
        std::fs::write(&makefile, "all:\nVERSION = six\n").unwrap();
        let report = Version::of_source(tree.path()).unwrap_err().report();
        assert_snapshot!(report.replace(&tree.path().display().to_string(), "DIR"), @r"
        error: DIR/Makefile does not say which version of Linux it is
          looked for VERSION, PATCHLEVEL and SUBLEVEL
        hint: is the tarball the source of Linux?
        ");
    }

    proptest! {
        #[test]
        fn any_text_is_a_range_or_none(text in "(linux )?[<>=]{0,2} ?[0-9.]{0,6}(, ?[<>=]{0,2} ?[0-9.]{0,6})?.{0,3}") {
            if let Some(range) = Range::parse(&text) {
                prop_assert!(!range.is_all());
            }
        }
    }
}
