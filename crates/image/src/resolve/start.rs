//! The pins that a new lock starts from: those of the recipe's own lock, and those of the recipe that it extends.

use std::path::{Path, PathBuf};

use kindling_base::{Error, Event, Reporter, Result, did_you_mean};
use kindling_deb::{Control, LockedPackage, LockedSuite};
use kindling_debian::{Index, Request, solve};
use kindling_npm_tree::LockedNpm;
use kindling_recipe::Recipe;
use kindling_store::Store;

use super::policy::Policy;
use crate::lock::{self, Lock};

/// Pins that stay where the request allows it.
#[derive(Debug, Default)]
pub(super) struct Start {
    debs: Vec<LockedPackage>,
    pub(super) npm: Vec<LockedNpm>,
    /// The packages whose layers stay.
    pub(super) layers: Vec<LockedPackage>,
    /// Where each suite stood when the pins were chosen.
    suites: Vec<LockedSuite>,
    /// Whether pins stay that the archive no longer has. They do in a new lock, so that it shares what is built already;
    /// where the archive is asked again for a lock that fits, they move.
    keep_departed: bool,
}

impl Start {
    /// Collects the pins of `old`, the recipe's own lock. Where that is missing or stale, the nearest ancestor's lock
    /// adds pins of packages that `old` has not, and a note says so.
    ///
    /// # Errors
    /// An ancestor's lock cannot be read; `policy` names a package that nobody pins.
    pub(super) fn of(
        recipe: &Recipe,
        policy: &Policy,
        old: Option<&Lock>,
        reporter: &dyn Reporter,
    ) -> Result<Self> {
        if *policy == Policy::Update {
            return Ok(Self::default());
        }
        let mut start = old.map(Self::own).unwrap_or_default();
        start.keep_departed = old.is_none_or(|old| old.request != lock::request(recipe));
        if start.keep_departed
            && let Some((path, parent)) = inherited(recipe)?
            && start.inherit(&parent, &suites(recipe))
        {
            if old.is_none() {
                start.layers = parent.packages;
            }
            reporter.report(Event::Note(format!(
                "{}: starts from the pins of {}",
                lock::path(&recipe.path).display(),
                path.file_name().unwrap_or_default().display()
            )));
        }
        if let Policy::UpdateOnly(names) = policy {
            start.release(names)?;
        }
        Ok(start)
    }

    fn own(lock: &Lock) -> Self {
        Self {
            debs: lock.debs().cloned().collect(),
            npm: lock.npm.clone(),
            layers: lock.packages.clone(),
            suites: lock.suites.clone(),
            keep_departed: false,
        }
    }

    /// Adds what `parent` pins and nobody pins yet, of suites that the recipe has; says whether there was something.
    fn inherit(&mut self, parent: &Lock, suites: &[String]) -> bool {
        let is_new = |debs: &[LockedPackage], deb: &LockedPackage| {
            !debs.iter().any(|own| own.name == deb.name)
        };
        let debs: Vec<LockedPackage> = parent
            .debs()
            .filter(|deb| suites.contains(&deb.suite) && is_new(&self.debs, deb))
            .cloned()
            .collect();
        let npm: Vec<LockedNpm> = parent
            .npm
            .iter()
            .filter(|package| !self.npm.iter().any(|own| own.path == package.path))
            .cloned()
            .collect();
        let inherits = !debs.is_empty() || !npm.is_empty();
        self.debs.extend(debs);
        self.npm.extend(npm);
        self.suites.extend(parent.suites.iter().cloned());
        inherits
    }

    /// Forgets the pins of these packages.
    fn release(&mut self, names: &[String]) -> Result<()> {
        for name in names {
            let debs = self.debs.iter().map(|package| package.name.as_str());
            let npm = self.npm.iter().map(|package| package.name.as_str());
            if !debs.clone().chain(npm.clone()).any(|pinned| pinned == name) {
                let near = did_you_mean(name, debs.chain(npm)).unwrap_or_else(|| {
                    "name a package of the lock, or leave the name out to update all".to_owned()
                });
                return Err(Error::user(format!("the lock has no package `{name}`")).hint(near));
            }
        }
        self.debs.retain(|package| !names.contains(&package.name));
        self.npm.retain(|package| !names.contains(&package.name));
        Ok(())
    }

    /// Adds those pins to the index that the archive no longer has, from their .debs, as far as the store has these;
    /// returns them.
    ///
    /// # Errors
    /// A .deb in the store is unsound.
    pub(super) fn add_departed(
        &self,
        index: &mut Index,
        store: &Store,
    ) -> Result<Vec<LockedPackage>> {
        let mut departed = Vec::new();
        if self.keep_departed {
            for pin in self.debs.iter().filter(|pin| !index.has(pin)) {
                if let Some(deb) = store.blob(&pin.sha256) {
                    departed.push((pin, Control::read(&deb)?));
                }
            }
        }
        index.add_departed(departed.iter().map(|(pin, control)| (*pin, control.text())));
        Ok(departed.into_iter().map(|(pin, _)| pin.clone()).collect())
    }

    /// Solves the request with the pins as the first choice. Where that cannot be, as few of them give way as it takes.
    ///
    /// # Errors
    /// The request cannot be satisfied, whatever gives way.
    pub(super) fn solve(&self, index: &mut Index, request: &Request) -> Result<Vec<LockedPackage>> {
        index.prefer(&self.debs);
        let solved = solve(index, request);
        if solved.is_ok() || self.debs.is_empty() {
            return solved;
        }
        index.prefer_nothing();
        solve(index, request)?;
        let mut kept = Vec::new();
        keep(index, request, &mut kept, &self.debs);
        index.prefer_nothing();
        index.prefer(kept);
        solve(index, request)
    }

    /// The pin of a package that is fetched and not installed, such as the kernel's source: it stays although neither the
    /// archive nor the store has it, because what was made of it may be there.
    pub(super) fn alone(&self, name: &str) -> Option<&LockedPackage> {
        let mut debs = self.debs.iter().filter(|_| self.keep_departed);
        debs.find(|pin| pin.name == name)
    }

    /// Where the suites stood when those of `lock`'s packages were chosen that are `departed`: a snapshot archive has them
    /// as of then. Moments that `lock` names are left out.
    pub(super) fn moments(&self, lock: &Lock, departed: &[LockedPackage]) -> Vec<LockedSuite> {
        let used = |suite: &LockedSuite| {
            let mut debs = lock.debs();
            debs.any(|deb| {
                deb.suite == suite.name && departed.iter().any(|one| one.sha256 == deb.sha256)
            })
        };
        let mut moments: Vec<LockedSuite> = Vec::new();
        for suite in &self.suites {
            if used(suite) && !lock.suites.contains(suite) && !moments.contains(suite) {
                moments.push(suite.clone());
            }
        }
        moments
    }
}

/// Adds those of `pins` to `kept` with which the request can be satisfied: all of them, or else as many of each half.
fn keep<'a>(
    index: &mut Index,
    request: &Request,
    kept: &mut Vec<&'a LockedPackage>,
    pins: &'a [LockedPackage],
) {
    let before = kept.len();
    kept.extend(pins);
    index.prefer_nothing();
    index.prefer(kept.iter().copied());
    if solve(index, request).is_ok() {
        return;
    }
    kept.truncate(before);
    if pins.len() > 1 {
        let (first, second) = pins.split_at(pins.len() / 2);
        keep(index, request, kept, first);
        keep(index, request, kept, second);
    }
}

/// The nearest recipe among those that this one extends that has a lock.
fn inherited(recipe: &Recipe) -> Result<Option<(PathBuf, Lock)>> {
    let ancestors = recipe.inputs.iter().skip(1);
    for path in ancestors.map(|ancestor: &PathBuf| lock::path(Path::new(ancestor))) {
        if let Some(lock) = lock::read(&path)? {
            return Ok(Some((path, lock)));
        }
    }
    Ok(None)
}

/// The suites of a recipe as a lock calls them: those of vendors with the archive's name before them.
fn suites(recipe: &Recipe) -> Vec<String> {
    let own = recipe.rootfs.suites.iter().map(|suite| suite.value.clone());
    let vendors = recipe.rootfs.archives.iter().flat_map(|vendor| {
        let suites = vendor.value.suites.iter();
        suites.map(|suite| format!("{}/{}", vendor.value.name, suite.value))
    });
    own.chain(vendors).collect()
}
