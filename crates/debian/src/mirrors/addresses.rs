//! Where packages come from. No address is written down in this program, a recipe's lock or its images.

use std::collections::BTreeMap;
use std::path::Path;

use kindling_base::{Error, Result};
use kindling_config::Config;
use kindling_deb::LockedSuite;

use super::places::{Level, from_config, from_environment, from_flags, from_recipe};
use super::sources::{Source, machine_sources};

/// Mirrors by archive name, from all the places where one can be named.
///
/// In this order, and the first that names an archive wins: `--mirror NAME=URL`, the variable
/// `KINDLING_MIRROR_<NAME>`, the recipe, the user's configuration file, the machine's apt sources.
#[derive(Clone, Debug, Default)]
pub struct Mirrors {
    levels: Vec<Level>,
    apt: Vec<Source>,
    /// The moment of each suite, for snapshot archives.
    moments: BTreeMap<String, String>,
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
    /// `<distribution>` where nobody names that one. apt sources match by the suites they list. A vendor's suite,
    /// `google-chrome/stable`, is in the archive that it names, and apt sources are not asked: `stable` tells nothing.
    ///
    /// # Errors
    /// Nobody names a mirror; the error lists every place that was looked at.
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
        match self.named(distribution) {
            Some(urls) => Ok(urls),
            None => Err(self.nobody_names(distribution, &archive, suite)),
        }
    }

    /// The same mirrors for a lock that was made of these suites: what has left the archive since is looked for in the
    /// snapshot archive of that moment, if one is named.
    #[must_use]
    pub fn of_moment(mut self, suites: &[LockedSuite]) -> Self {
        let moments = suites
            .iter()
            .map(|suite| (suite.name.clone(), suite.date.clone()));
        self.moments = moments.collect();
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
        let moment = self.moments.get(suite).filter(|moment| !moment.is_empty());
        let (distribution, suite) = suite.split_once('/').unwrap_or((distribution, suite));
        let snapshots = self
            .named(&format!("{distribution}-snapshot"))
            .unwrap_or_default();
        if let Some(moment) = moment {
            let archive = archive_name(distribution, suite);
            let old = |snapshot: &String| format!("{snapshot}/{archive}/{moment}/{path}");
            urls.extend(snapshots.iter().map(old));
        }
        Ok(urls)
    }

    /// Addresses that somebody names for `archive`, which is no archive of Debian packages: `npm`.
    ///
    /// # Errors
    /// Nobody names one: the places that were looked at.
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
mod tests {
    use super::*;

    /// Every level names `debian`; the apt sources have `bookworm` and `bookworm-security`.
    fn places() -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("etc/apt")).unwrap();
        std::fs::write(
            root.path().join("etc/apt/sources.list"),
            "deb http://apt.example/debian bookworm main\ndeb http://apt2.example/debian bookworm main\n\
             deb http://apt.example/security bookworm-security main\n",
        )
        .unwrap();
        std::fs::write(
            root.path().join("config.toml"),
            "[mirrors]\ndebian = [\"http://config.example/\", \"file:///srv/debian\"]\n",
        )
        .unwrap();
        root
    }

    fn recipe() -> BTreeMap<String, String> {
        BTreeMap::from([("debian".to_owned(), "http://recipe.example".to_owned())])
    }

    fn environment() -> Vec<(String, String)> {
        vec![
            (
                "KINDLING_MIRROR_DEBIAN".into(),
                "http://env.example http://env2.example".into(),
            ),
            (
                "KINDLING_MIRROR_DEBIAN_SECURITY".into(),
                "http://envsec.example".into(),
            ),
            ("PATH".into(), "/bin".into()),
        ]
    }

    #[test]
    fn the_first_place_that_names_an_archive_wins() {
        let root = places();
        let config = root.path().join("config.toml");
        let urls = |flags: &[String],
                    environment: Vec<_>,
                    recipe: &_,
                    config: Option<&Path>,
                    suite: &str| {
            Mirrors::from_places(flags, environment, recipe, config, root.path())
                .unwrap()
                .urls("debian", suite)
                .unwrap()
        };
        let flags = ["debian=http://flag.example/".to_owned()];
        let none = BTreeMap::new();
        assert_eq!(
            urls(&flags, environment(), &recipe(), Some(&config), "bookworm"),
            ["http://flag.example"]
        );
        assert_eq!(
            urls(
                &[],
                environment(),
                &recipe(),
                Some(&config),
                "bookworm-updates"
            ),
            ["http://env.example", "http://env2.example"]
        );
        assert_eq!(
            urls(&[], vec![], &recipe(), Some(&config), "bookworm"),
            ["http://recipe.example"]
        );
        assert_eq!(
            urls(&[], vec![], &none, Some(&config), "bookworm"),
            ["http://config.example", "file:///srv/debian"]
        );
        assert_eq!(
            urls(&[], vec![], &none, None, "bookworm"),
            ["http://apt.example/debian", "http://apt2.example/debian"]
        );
    }

    #[test]
    fn security_suites_have_an_archive_of_their_own_and_fall_back() {
        let root = places();
        let urls = |environment: Vec<_>, suite: &str| {
            Mirrors::from_places(&[], environment, &recipe(), None, root.path())
                .unwrap()
                .urls("debian", suite)
                .unwrap()
        };
        assert_eq!(
            urls(environment(), "bookworm-security"),
            ["http://envsec.example"]
        );
        assert_eq!(
            urls(vec![], "bookworm-security"),
            ["http://apt.example/security"]
        );
        assert_eq!(urls(vec![], "trixie-security"), ["http://recipe.example"]);
    }

    #[test]
    fn a_vendors_suite_is_where_its_archive_is_named() {
        let root = places();
        let flags = ["chrome=http://flag.example/chrome".to_owned()];
        let none = BTreeMap::new();
        let mirrors = |flags: &[String]| Mirrors::from_places(flags, [], &none, None, root.path());
        let urls = mirrors(&flags).unwrap().urls("debian", "chrome/bookworm");
        assert_eq!(urls.unwrap(), ["http://flag.example/chrome"]);
        let file = mirrors(&flags)
            .unwrap()
            .file_urls("debian", "chrome/stable", "pool/a.deb");
        assert_eq!(file.unwrap(), ["http://flag.example/chrome/pool/a.deb"]);
        // A machine's source of the same suite is another archive's.
        let error = mirrors(&[])
            .unwrap()
            .urls("debian", "chrome/bookworm")
            .unwrap_err();
        assert!(
            error
                .report()
                .contains("name one with `--mirror chrome=URL`"),
            "{}",
            error.report()
        );
    }

    #[test]
    fn an_error_lists_everything_that_was_tried() {
        let root = places();
        let config = root.path().join("config.toml");
        let mirrors =
            Mirrors::from_places(&[], [], &BTreeMap::new(), Some(&config), root.path()).unwrap();
        let report = mirrors.urls("ubuntu", "noble").unwrap_err().report();
        let report = report.replace(&root.path().display().to_string(), "ROOT");
        assert_eq!(
            report,
            "error: no mirror is known for the suite noble of ubuntu\n  \
             tried --mirror ubuntu=URL: not given\n  \
             tried the variable KINDLING_MIRROR_UBUNTU: not set\n  \
             tried the recipe's [rootfs.mirrors]: no `ubuntu`\n  \
             tried ROOT/config.toml, [mirrors]: no `ubuntu`\n  \
             tried ROOT/etc/apt/sources.list: it has bookworm\n  \
             tried ROOT/etc/apt/sources.list: it has bookworm\n  \
             tried ROOT/etc/apt/sources.list: it has bookworm-security\n\
             hint: name one with `--mirror ubuntu=URL`"
        );
    }

    #[test]
    fn malformed_input_is_named() {
        let none = BTreeMap::new();
        let nowhere = Path::new("/nonexistent");
        for flag in ["debian", "debian=ftp://x.example"] {
            let error =
                Mirrors::from_places(&[flag.to_owned()], [], &none, None, nowhere).unwrap_err();
            assert!(error.report().contains(flag), "{}", error.report());
        }
        let root = places();
        let config = root.path().join("config.toml");
        std::fs::write(&config, "[mirrors]\ndebian = 3\n").unwrap();
        let error = Mirrors::from_places(&[], [], &none, Some(&config), nowhere).unwrap_err();
        assert!(
            error.report().contains("config.toml:2:10: "),
            "{}",
            error.report()
        );
    }
}
