//! Pins: the crates that a `Cargo.lock` promises, each with the hash of its file.

use std::path::Path;

use kindling_base::{Error, Result, files};
use serde::Deserialize;

/// A crate that a `Cargo.lock` pins.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pin {
    /// Its name, such as `serde_json`.
    pub name: String,
    /// Its version, such as `1.0.140` or `0.9.34+deprecated`.
    pub version: String,
    /// SHA-256 of its `.crate` file, 64 lowercase hexadecimal digits; the lock calls it `checksum`.
    pub sha256: String,
}

impl Pin {
    /// `NAME-VERSION`: the stem of its `.crate` file, and the folder in it.
    ///
    /// # Errors
    /// Name, version or hash are none that a registry has. What passes is safe in paths and addresses.
    pub fn stem(&self) -> Result<String> {
        let wrong = |what: &str, value: &str| {
            let value = value.escape_debug();
            Err(Error::user(format!("`{value}` is no {what} of a crate")))
        };
        let plain = |text: &str, others: &[char]| {
            let part = |c: char| c.is_ascii_alphanumeric() || others.contains(&c);
            (1..=128).contains(&text.len()) && text.chars().all(part)
        };
        let digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
        if !plain(&self.name, &['-', '_']) {
            return wrong("name", &self.name);
        }
        if !plain(&self.version, &['-', '.', '+'])
            || !self.version.starts_with(|c: char| c.is_ascii_digit())
        {
            return wrong("version", &self.version);
        }
        if self.sha256.len() != 64 || !self.sha256.chars().all(digit) {
            return wrong("SHA-256", &self.sha256);
        }
        Ok(format!("{}-{}", self.name, self.version))
    }
}

/// The part of a `Cargo.lock` that is needed here.
#[derive(Deserialize)]
struct CargoLock {
    #[serde(default)]
    package: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    version: String,
    /// Nothing for a crate by path.
    source: Option<String>,
    checksum: Option<String>,
}

/// The crates of registries that the `Cargo.lock` at `path` pins, sorted by name and version. Crates by path are left out.
///
/// # Errors
/// The lock cannot be read, pins something without a hash, such as a dependency on git, or pins two files under one name
/// and version.
pub fn pins(path: &Path) -> Result<Vec<Pin>> {
    parse(&files::read_text(path)?, path)
}

fn parse(text: &str, path: &Path) -> Result<Vec<Pin>> {
    let path = path.display();
    let lock: CargoLock = toml::from_str(text)
        .map_err(|error| Error::user(format!("{path} does not parse")).because(error))?;
    let mut pins = Vec::new();
    for package in lock.package {
        let Some(source) = package.source else {
            continue;
        };
        let shown = format!("{} {}", package.name, package.version);
        if source.starts_with("git+") {
            return Err(Error::user(format!("{path}: {shown} comes from git, so that no hash pins its file"))
                .note(format!("source {source}"))
                .hint("depend on a version of it that a registry has, or copy it into the checkout and depend on its path"));
        }
        let Some(sha256) = package.checksum else {
            return Err(Error::user(format!("{path}: {shown} has no checksum"))
                .hint("locks of cargo before 1.41 kept it elsewhere: `cargo update --workspace` writes the lock as it is done today"));
        };
        let pin = Pin {
            name: package.name,
            version: package.version,
            sha256,
        };
        pin.stem().map_err(|error| error.within(&path))?;
        pins.push(pin);
    }
    pins.sort();
    pins.dedup();
    for pair in pins.windows(2) {
        if let [one, other] = pair
            && (&one.name, &one.version) == (&other.name, &other.version)
        {
            let error = format!("{path}: {} {} is pinned twice", one.name, one.version);
            return Err(Error::user(error)
                .note(format!("sha256 {}\nsha256 {}", one.sha256, other.sha256))
                .hint("two registries call different files by one name: depend on one of them"));
        }
    }
    Ok(pins)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const A: &str = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

    fn read(text: &str) -> Result<Vec<Pin>> {
        parse(text, Path::new("x/Cargo.lock"))
    }

    /// A package of a lock; the source is left out where it is empty.
    fn package(name: &str, version: &str, source: &str, checksum: &str) -> String {
        let mut text = format!("[[package]]\nname = {name:?}\nversion = {version:?}\n");
        for (key, value) in [("source", source), ("checksum", checksum)] {
            if !value.is_empty() {
                text.push_str(&format!("{key} = {value:?}\n"));
            }
        }
        text
    }

    #[test]
    fn crates_of_registries_are_pinned_and_crates_by_path_are_left_out() {
        let text = "version = 4\n".to_owned()
            + &package("b", "1.0.0+x", "registry+http://r.example/index", A)
            + &package("own", "0.1.0", "", "")
            + &package("a", "2.0.0-rc.1", "sparse+http://r.example/", A);
        let pins = read(&text).unwrap();
        let stems: Vec<String> = pins.iter().map(|pin| pin.stem().unwrap()).collect();
        assert_eq!(stems, ["a-2.0.0-rc.1", "b-1.0.0+x"]);
        assert_eq!(pins[0].sha256, A);
        assert_eq!(read("version = 4\n").unwrap(), []);
    }

    #[test]
    fn nothing_without_a_hash_passes() {
        let refused = |text: String| read(&text).unwrap_err().report();
        insta::assert_snapshot!(refused(package("g", "1.0.0", "git+http://g.example/g?rev=1#1", "")), @r"
        error: x/Cargo.lock: g 1.0.0 comes from git, so that no hash pins its file
          source git+http://g.example/g?rev=1#1
        hint: depend on a version of it that a registry has, or copy it into the checkout and depend on its path
        ");
        let report = refused(package("o", "1.0.0", "registry+x", ""));
        assert!(
            report.starts_with("error: x/Cargo.lock: o 1.0.0 has no checksum\nhint: "),
            "{report}"
        );
        let twice = package("t", "1.0.0", "registry+x", A)
            + &package("t", "1.0.0", "registry+y", &A.replace('a', "b"));
        let report = refused(twice);
        assert!(report.contains("t 1.0.0 is pinned twice"), "{report}");
    }

    #[test]
    fn what_would_lead_elsewhere_as_a_path_is_no_pin() {
        let long = "n".repeat(129);
        for (name, version, sha256) in [
            ("../a", "1.0.0", A),
            ("", "1.0.0", A),
            (&long, "1.0.0", A),
            ("a", "../1", A),
            ("a", "", A),
            ("a", "1.0.0/..", A),
            ("a", "1.0.0", "../../etc/passwd"),
            ("a", "1.0.0", &A.to_uppercase()),
        ] {
            let report = read(&package(name, version, "registry+x", sha256))
                .unwrap_err()
                .report();
            let told = report.starts_with("error: x/Cargo.lock: ");
            assert!(told && report.ends_with("of a crate"), "{report}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in "(\\[\\[package\\]\\]\n|(name|version|source|checksum) = (\"[a-z0-9.+/]{0,8}\"|1)\n|\\PC{0,8}){0,8}") {
            if let Ok(pins) = read(&text) {
                prop_assert!(pins.iter().all(|pin| pin.stem().is_ok()));
            }
        }
    }
}
