//! Release files: what an archive promises about its indices, and the proof that it does.

use std::collections::HashMap;
use std::time::SystemTime;

use kindling_base::{Error, Result, did_you_mean};
use kindling_deb::deb822;
use kindling_fetch::{Client, GetError, all_failed};

use super::date;
use super::keyring::Keyring;
use super::suites::Archive;
use crate::index::is_sha256;

/// More than four times the longest InRelease file of Debian (unstable, 240 kB) and Ubuntu; what is longer
/// is something else.
const LONGEST: u64 = 1 << 20;

/// The signed contents page of one suite.
#[derive(Clone, Debug, Default)]
pub(crate) struct Release {
    /// The suite as it was asked for.
    pub suite: String,
    /// Addresses that may hold its files.
    pub mirrors: Vec<String>,
    /// Whether files are also found under their hash, where an update of the mirror does not touch them.
    pub by_hash: bool,
    /// Whether the index of `all` has to be read next to that of the architecture.
    pub all_apart: bool,
    /// apt's pin priority: 500, or less where packages are to be installed on request only, as in backports.
    pub priority: u16,
    /// When it was made, `20261128T005302Z`; empty where it does not say so.
    pub date: String,
    /// Fingerprint of the key that signed it.
    pub signed_by: String,
    components: Vec<String>,
    files: HashMap<String, File>,
}

/// A file that a Release lists.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct File {
    /// Path below the suite's folder.
    pub path: String,
    /// Length in bytes.
    pub size: u64,
    /// SHA-256, lowercase hexadecimal.
    pub sha256: String,
}

/// Fetches the InRelease file of `suite` from the first of `mirrors` that has a good one: signed by the
/// archive, of this suite, not expired, for these architectures.
///
/// A machine's apt sources may list other archives that call their suite the same; those have other keys, so
/// what one mirror has wrong is an error only if no other one has it right.
///
/// # Errors
/// No mirror has a good one; the error tells what is wrong with the first that answered, both sides shown.
pub(crate) fn fetch(
    client: &Client,
    archive: &Archive,
    keyring: &Keyring,
    suite: &str,
    mirrors: Vec<String>,
) -> Result<Release> {
    let path = format!("dists/{suite}/InRelease");
    let mut failures = Vec::new();
    let mut wrong = None;
    for (at, mirror) in mirrors.iter().enumerate() {
        let url = format!("{mirror}/{path}");
        let message = match client.get(&url, LONGEST, || Ok(Vec::new())) {
            Ok(message) => message,
            Err(failure) => {
                failures.push(failure);
                continue;
            }
        };
        match verify(message, archive, keyring, suite, &url) {
            Ok(release) => {
                return Ok(Release {
                    mirrors: mirrors[at..].to_vec(),
                    ..release
                });
            }
            Err(error) => wrong = wrong.or(Some(error)),
        }
    }
    Err(wrong.unwrap_or_else(|| {
        let unknown = failures.iter().any(GetError::is_missing);
        let error = all_failed(&format!("{path} of {}", archive.distribution), failures);
        match unknown {
            true => error.about(suite),
            false => error,
        }
    }))
}

fn verify(
    message: Vec<u8>,
    archive: &Archive,
    keyring: &Keyring,
    suite: &str,
    url: &str,
) -> Result<Release> {
    let message = String::from_utf8(message)
        .map_err(|error| Error::external(format!("{url} is not text")).because(error))?;
    let opened = keyring.open(url, &message, archive.now, archive.allow_expired)?;
    let release = parse(&opened.text, archive, suite)
        .map_err(|error| error.note(format!("read from {url}")))?;
    Ok(Release {
        signed_by: opened.signed_by,
        ..release
    })
}

/// Reads the text of a Release file, and checks that it is the one that was asked for.
///
/// # Errors
/// It is of another suite, it has expired, or it lacks the architecture or a component.
pub(crate) fn parse(text: &str, archive: &Archive, suite: &str) -> Result<Release> {
    let fields: HashMap<String, &str> = deb822::paragraphs(text)
        .flat_map(deb822::Paragraph::fields)
        .map(|(name, value)| (name.to_ascii_lowercase(), value))
        .collect();
    let get = |name: &str| fields.get(name).copied().unwrap_or_default();
    let yes = |name: &str| get(name) == "yes";
    if get("suite") != suite && get("codename") != suite {
        return Err(
            Error::external(format!("the Release file of {suite} is another one's")).note(format!(
                "expected suite {suite}\nfound suite {}, codename {}",
                get("suite"),
                get("codename")
            )),
        );
    }
    check_date(get("valid-until"), archive, suite)?;
    let listed = |field: &str, wanted: &str| get(field).split_whitespace().any(|w| wanted == w);
    if !listed("architectures", &archive.architecture) {
        return Err(Error::user(format!(
            "{suite} has no packages for {}",
            archive.architecture
        ))
        .note(format!("it has {}", get("architectures"))));
    }
    let release = Release {
        suite: suite.to_owned(),
        mirrors: Vec::new(),
        by_hash: yes("acquire-by-hash"),
        all_apart: listed("architectures", "all")
            && !listed("no-support-for-architecture-all", "Packages"),
        priority: match (yes("notautomatic"), yes("butautomaticupgrades")) {
            (true, true) => 100, // apt_preferences(5), "APT's Default Priority Assignments"
            (true, false) => 1,
            (false, _) => 500,
        },
        date: date::parse(get("date"))
            .map(date::compact)
            .unwrap_or_default(),
        signed_by: String::new(),
        // Debian's security archive writes `updates/main` where the folder is `main`.
        components: get("components")
            .split_whitespace()
            .map(|c| c.rsplit('/').next().unwrap_or(c).to_owned())
            .collect(),
        files: get("sha256")
            .lines()
            .filter_map(parse_file)
            .map(|f| (f.path.clone(), f))
            .collect(),
    };
    for component in &archive.components {
        if !release.components.contains(component) {
            let error = Error::user(format!("{suite} has no component {component}"))
                .note(format!("it has {}", release.components.join(" ")))
                .about(component);
            return Err(match did_you_mean(component, &release.components) {
                Some(hint) => error.hint(hint),
                None => error,
            });
        }
    }
    Ok(release)
}

impl Release {
    /// The smallest form of a component's index that we can read.
    ///
    /// # Errors
    /// The Release file lists none.
    pub(crate) fn packages(&self, component: &str, architecture: &str) -> Result<&File> {
        let path = format!("{component}/binary-{architecture}/Packages");
        [".xz", ".gz", ""]
            .iter()
            .find_map(|suffix| self.files.get(&format!("{path}{suffix}")))
            .ok_or_else(|| {
                Error::external(format!(
                    "the Release file of {} does not list {path}",
                    self.suite
                ))
            })
    }
}

fn parse_file(line: &str) -> Option<File> {
    let mut words = line.split_whitespace();
    let sha256 = words.next().filter(|w| is_sha256(w))?.to_owned();
    let size = words.next()?.parse().ok()?;
    let path = words.next()?.to_owned();
    Some(File { path, size, sha256 })
}

fn check_date(valid_until: &str, archive: &Archive, suite: &str) -> Result<()> {
    if valid_until.is_empty() || archive.allow_expired {
        return Ok(());
    }
    let until: SystemTime = date::parse(valid_until).ok_or_else(|| {
        Error::external(format!(
            "the Release file of {suite} has no date in Valid-Until: `{valid_until}`"
        ))
    })?;
    if until > archive.now {
        return Ok(());
    }
    Err(Error::external(format!("the Release file of {suite} has expired"))
        .note(format!("valid until {}\nit is now   {}", date::format(until), date::format(archive.now)))
        .hint("the mirror may be stale or the clock wrong; `--allow-expired` takes it as it is, such as for an old snapshot"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn archive() -> Archive {
        Archive {
            distribution: "debian".into(),
            vendor: false,
            suites: vec!["bookworm-security".into()],
            components: vec!["main".into()],
            architecture: "amd64".into(),
            keyring: "ring".into(),
            keys: Vec::new(),
            allow_expired: false,
            now: date::parse("1 Jan 2026 00:00:00 UTC").unwrap(),
        }
    }

    #[test]
    fn the_shape_of_debians_security_archive() {
        let hash = "5".repeat(64);
        let text = format!(
            "Suite: oldstable-security\nCodename: bookworm-security\nAcquire-By-Hash: yes\nNotAutomatic: yes\nButAutomaticUpgrades: yes\n\
             Valid-Until: Fri, 02 Jan 2026 00:00:00 UTC\nArchitectures: all amd64\nComponents: updates/main updates/contrib\n\
             MD5Sum:\n 0 1 main/binary-amd64/Packages.xz\nSHA256:\n {hash} 7 main/binary-amd64/Packages\n {hash} 5 main/binary-amd64/Packages.gz\n"
        );
        let release = parse(&text, &archive(), "bookworm-security").unwrap();
        assert!(release.by_hash && release.all_apart);
        assert_eq!(release.priority, 100);
        let file = release.packages("main", "amd64").unwrap();
        assert_eq!(
            (file.path.as_str(), file.size),
            ("main/binary-amd64/Packages.gz", 5)
        );
        release.packages("main", "arm64").unwrap_err();
        let report = parse(
            &text.replace("02 Jan", "no day in"),
            &archive(),
            "bookworm-security",
        )
        .unwrap_err()
        .report();
        assert!(report.contains("has no date in Valid-Until"), "{report}");
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "((Suite|SHA256|Valid-Until|Architectures): ?[ -~\n]{0,30}\n){0,5}") {
            let _ = parse(&text, &archive(), "x");
        }
    }
}
