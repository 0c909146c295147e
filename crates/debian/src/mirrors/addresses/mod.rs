//! The addresses of archives. This program, a recipe's lock and its images contain none of them.

use std::collections::BTreeMap;
use std::path::Path;

use kindling_base::{Error, Result};
use kindling_config::Config;
use kindling_deb::LockedSuite;

use crate::mirrors::places::{Level, from_config, from_environment, from_flags, from_recipe};
use crate::mirrors::releases;
use crate::mirrors::sources::{Source, machine_sources};

/// Mirrors by archive name, from all the places where one can be named.
///
/// In this order, and the first that names an archive wins: `--mirror NAME=URL`, the variable
/// `KINDLING_MIRROR_<NAME>`, the recipe, the user's configuration file, the machine's apt sources.
#[derive(Clone, Debug, Default)]
pub struct Mirrors {
    levels: Vec<Level>,
    apt: Vec<Source>,
    /// The moment of each suite, for snapshot archives.
    moments: BTreeMap<String, Vec<String>>,
}

impl Mirrors {
    /// The mirrors of this machine: `flags` are values of `--mirror`, each `NAME=URL`; `recipe` is its table
    /// `[rootfs.mirrors]`.
    ///
    /// # Errors
    /// A flag, an address or the configuration file is malformed, or an apt source cannot be read.
    pub fn of_this_machine(flags: &[String], recipe: &BTreeMap<String, String>) -> Result<Self> {
        let config = Config::path();
        let environment = std::env::vars_os().filter_map(|(name, value)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        });
        Self::from_places(
            flags,
            environment,
            recipe,
            config.as_deref(),
            Path::new("/"),
        )
    }

    /// The mirrors named by these places; `root` is where the machine's file system begins.
    ///
    /// # Errors
    /// A flag, an address or the configuration file is malformed, or an apt source cannot be read.
    pub fn from_places(
        flags: &[String],
        environment: impl IntoIterator<Item = (String, String)>,
        recipe: &BTreeMap<String, String>,
        config: Option<&Path>,
        root: &Path,
    ) -> Result<Self> {
        let mut levels = vec![
            from_flags(flags)?,
            from_environment(environment)?,
            from_recipe(recipe)?,
        ];
        if let Some(path) = config {
            levels.push(from_config(path)?);
        }
        Ok(Self {
            levels,
            apt: machine_sources(root)?,
            moments: BTreeMap::new(),
        })
    }

    /// Addresses that hold `suite` of `distribution`, to be tried in this order.
    ///
    /// A security suite, such as `bookworm-security`, is in the archive `<distribution>-security`, or in
    /// `<distribution>` where that one is not named. apt sources match by the suites they list, or else by another release of
    /// the same distribution. A vendor's suite,
    /// `google-chrome/stable`, is in the archive that it names, and apt sources are not asked: `stable` tells nothing.
    ///
    /// # Errors
    /// No mirror is named; the error lists every place that was looked at.
    pub fn urls(&self, distribution: &str, suite: &str) -> Result<Vec<String>> {
        if let Some((vendor, suite)) = suite.split_once('/') {
            let named = self.named(vendor);
            return named.ok_or_else(|| self.nobody_names(vendor, vendor, suite));
        }
        let archive = archive_name(distribution, suite);
        if let Some(urls) = self.named(&archive) {
            return Ok(urls);
        }
        let apt: Vec<String> = self
            .apt
            .iter()
            .filter(|source| source.suites.iter().any(|s| s == suite))
            .map(|source| source.url.clone())
            .collect();
        if !apt.is_empty() {
            return Ok(apt);
        }
        if let Some(urls) = self.named(distribution) {
            return Ok(urls);
        }
        let apt = self.of_another_release(suite);
        match apt.is_empty() {
            false => Ok(apt),
            true => Err(self.nobody_names(distribution, &archive, suite)),
        }
    }

    /// Addresses of apt sources that hold another release of the same distribution: its mirrors have all that are
    /// supported, so that a machine with bookworm knows where trixie is. What is there is verified by trixie's own keys.
    fn of_another_release(&self, suite: &str) -> Vec<String> {
        let is_sister = |other: &String| releases::are_sisters(suite, other);
        let holds = |source: &&Source| source.suites.iter().any(is_sister);
        let sources = self.apt.iter().filter(holds);
        sources.map(|source| source.url.clone()).collect()
    }

    /// The same mirrors for a lock that was made of these suites: what has left the archive since is looked for in the
    /// snapshot archive of that moment, if one is named.
    #[must_use]
    pub fn of_moment(mut self, suites: &[LockedSuite]) -> Self {
        self.moments = BTreeMap::new();
        for suite in suites.iter().filter(|suite| !suite.date.is_empty()) {
            let moments = self.moments.entry(suite.name.clone()).or_default();
            moments.push(suite.date.clone());
        }
        self
    }

    /// Addresses of the .deb at `path` in the pool, to be tried in this order: mirrors, then the snapshot archive.
    ///
    /// A snapshot archive is named as `DISTRIBUTION-snapshot`, such as `debian-snapshot`. Below its address are
    /// `ARCHIVE/MOMENT/pool/...`, as on Debian's own.
    ///
    /// # Errors
    /// As [`Mirrors::urls`].
    pub fn file_urls(&self, distribution: &str, suite: &str, path: &str) -> Result<Vec<String>> {
        let urls = self.urls(distribution, suite)?;
        let mut urls: Vec<String> = urls
            .iter()
            .map(|mirror| format!("{mirror}/{path}"))
            .collect();
        let moments = self.moments.get(suite).into_iter().flatten();
        let (distribution, suite) = suite.split_once('/').unwrap_or((distribution, suite));
        let snapshots = self
            .named(&format!("{distribution}-snapshot"))
            .unwrap_or_default();
        for moment in moments {
            let archive = archive_name(distribution, suite);
            let old = |snapshot: &String| format!("{snapshot}/{archive}/{moment}/{path}");
            urls.extend(snapshots.iter().map(old));
        }
        Ok(urls)
    }

    /// Addresses named for something else than an archive of Debian packages, such as `npm`.
    ///
    /// # Errors
    /// No address is named; the places that were looked at.
    pub fn named_or_tried(&self, archive: &str) -> std::result::Result<Vec<String>, Vec<String>> {
        let tried = || {
            self.levels
                .iter()
                .map(|level| level.place.describe(archive))
        };
        self.named(archive).ok_or_else(|| tried().collect())
    }

    fn named(&self, archive: &str) -> Option<Vec<String>> {
        self.levels
            .iter()
            .find_map(|level| level.urls.get(archive).cloned())
    }

    fn nobody_names(&self, distribution: &str, archive: &str, suite: &str) -> Error {
        let mut error = Error::user(format!(
            "no mirror is known for the suite {suite} of {distribution}"
        ))
        .about(suite);
        for level in &self.levels {
            error = error.note(format!("tried {}", level.place.describe(archive)));
        }
        let mut apt: Vec<String> = Vec::new();
        for source in &self.apt {
            apt.push(format!(
                "tried {}: it has {}",
                source.file.display(),
                source.suites.join(" ")
            ));
        }
        if apt.is_empty() {
            apt.push("tried the machine's apt sources: there are none".to_owned());
        }
        error
            .note(apt.join("\n"))
            .hint(format!("name one with `--mirror {distribution}=URL`"))
    }
}

/// The archive that holds `suite`: Debian keeps security updates apart.
pub fn archive_name(distribution: &str, suite: &str) -> String {
    if suite.ends_with("-security") {
        format!("{distribution}-security")
    } else {
        distribution.to_owned()
    }
}

#[cfg(test)]
mod tests;
