//! Releases of distributions: suites that one mirror holds together.

/// Codenames of Debian's releases that its mirrors hold, <https://wiki.debian.org/DebianReleases>.
const DEBIAN: [&str; 6] = ["bullseye", "bookworm", "trixie", "forky", "duke", "sid"];

/// Codenames of Ubuntu's releases with long-term support that its mirrors hold, <https://wiki.ubuntu.com/Releases>.
const UBUNTU: [&str; 5] = ["bionic", "focal", "jammy", "noble", "resolute"];

/// Whether two suites are in one archive: the same part, such as security fixes, of two releases of a distribution.
pub(crate) fn are_sisters(suite: &str, other: &str) -> bool {
    let is_security = |suite: &str| suite.ends_with("-security");
    let release = |suite: &str| suite.split('-').next().unwrap_or_default().to_owned();
    let (ours, theirs) = (release(suite), release(other));
    let both = |names: &[&str]| {
        [&ours, &theirs]
            .iter()
            .all(|name| names.contains(&name.as_str()))
    };
    is_security(suite) == is_security(other) && (both(&DEBIAN) || both(&UBUNTU))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_share_their_archives() {
        for (suite, other) in [
            ("trixie", "bookworm"),
            ("trixie-updates", "bookworm"),
            ("trixie-security", "bookworm-security"),
            ("noble", "jammy-updates"),
        ] {
            assert!(are_sisters(suite, other), "{suite} {other}");
        }
        for (suite, other) in [
            ("trixie-security", "bookworm"),
            ("trixie", "bookworm-security"),
            ("trixie", "jammy"),
            ("stable", "bookworm"),
        ] {
            assert!(!are_sisters(suite, other), "{suite} {other}");
        }
    }
}
