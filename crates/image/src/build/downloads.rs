//! Downloads into the store: .debs, packages of npm and the kernel's source.

use std::path::{Path, PathBuf};
use std::time::Instant;

use kindling_base::{Error, Event, Outcome, Reporter, Result, files};
use kindling_deb::LockedPackage;
use kindling_debian::{Mirrors, fetch_packages};
use kindling_fetch::{Client, fetch_url};
use kindling_npm_tree::LockedNpm;

use super::Build;
use super::side_by_side::Halt;
use crate::npm;
use crate::stage;

/// Packages to download.
pub(super) struct Debs<'a> {
    /// The stage that they are for.
    pub(super) stage: &'static str,
    /// Name that the mirrors of their archive go by.
    pub(super) distribution: &'a str,
    pub(super) mirrors: &'a Mirrors,
    pub(super) packages: &'a [LockedPackage],
}

impl Build<'_> {
    /// The .debs of packages of the recipe, in their order.
    pub(super) fn own_debs(
        &self,
        stage: &'static str,
        packages: &[LockedPackage],
    ) -> Result<Vec<PathBuf>, Halt> {
        self.debs(&Debs {
            stage,
            distribution: &self.prepared.locked.recipe.image.distribution.value,
            mirrors: &self.mirrors,
            packages,
        })
    }

    /// The .debs of packages, in their order.
    pub(super) fn debs(&self, wanted: &Debs<'_>) -> Result<Vec<PathBuf>, Halt> {
        let Debs {
            stage,
            distribution,
            mirrors,
            packages,
        } = *wanted;
        let store = self.store();
        let present = packages.iter().map(|package| store.blob(&package.sha256));
        if let Some(present) = present.collect() {
            return Ok(present);
        }
        let started = Instant::now();
        let reporter = AsStage {
            stage,
            reporter: &self.reporter,
        };
        stage::start(stage, &describe(packages), &reporter);
        let paths = fetch_packages(
            &Client::default(),
            distribution,
            packages,
            mirrors,
            store,
            &reporter,
        )?;
        let bytes = packages.iter().map(|package| package.size).sum();
        self.downloaded(stage, started, bytes);
        Ok(paths)
    }

    /// The packages of npm, each with its unzipped tarball.
    pub(super) fn npm(&self) -> Result<&Vec<(LockedNpm, PathBuf)>, Halt> {
        self.npm.get(|| {
            let packages = &self.prepared.locked.lock.npm;
            let store = self.store();
            if let Some(tars) = kindling_npm_tree::stored(packages, store)? {
                return Ok(packages.iter().cloned().zip(tars).collect());
            }
            let started = Instant::now();
            let reporter = AsStage {
                stage: stage::NPM,
                reporter: &self.reporter,
            };
            stage::start(stage::NPM, &describe_npm(packages), &reporter);
            let registries = npm::registries(&self.mirrors, self.sources)?;
            let client = Client::default();
            let tars = kindling_npm::fetch(packages, &client, &registries, store, &reporter)?;
            let sizes = tars.iter().map(|tar| Ok(files::metadata(tar)?.len()));
            self.downloaded(stage::NPM, started, sizes.sum::<Result<u64>>()?);
            Ok(packages.iter().cloned().zip(tars).collect())
        })
    }

    /// The kernel's source at an address that the recipe names, with the hash that it names.
    pub(super) fn source_url(&self, url: &str, sha256: &str) -> Result<PathBuf> {
        let store = self.store();
        if let Some(present) = store.blob(sha256) {
            return Ok(present);
        }
        let started = Instant::now();
        let reporter = AsStage {
            stage: stage::SOURCE,
            reporter: &self.reporter,
        };
        stage::start(stage::SOURCE, &format!("fetching {url}"), &reporter);
        let path = fetch_url(&Client::default(), url, sha256, store, &reporter)?;
        self.downloaded(stage::SOURCE, started, files::metadata(&path)?.len());
        Ok(path)
    }

    /// The kernel's source out of its package, and its SHA-256.
    pub(super) fn source_package(
        &self,
        package: &LockedPackage,
    ) -> Result<kindling_kernel::Tarball, Halt> {
        let Some(stage) = &self.prepared.plan.source else {
            return Err(Error::internal("the plan has no source of the kernel").into());
        };
        let folder = match stage.result(self.store()) {
            Some(folder) => folder,
            None => {
                let package = std::slice::from_ref(package);
                let deb = self.own_debs(stage::SOURCE, package)?.remove(0);
                let name = &package[0].name;
                let make = |out: &Path| kindling_kernel::extract(&deb, name, out);
                let made = (self.store()).stage_or_make(stage.name, &stage.key, || {}, make);
                made?.0
            }
        };
        Ok(kindling_kernel::extracted(&folder)?)
    }

    fn downloaded(&self, stage: &'static str, started: Instant, bytes: u64) {
        self.reporter.report(Event::Finished {
            stage,
            outcome: Outcome::Built,
            elapsed: started.elapsed(),
            bytes,
        });
    }
}

/// Reports the progress of a download as that of the stage that it is for, since several run at a time.
struct AsStage<'a> {
    stage: &'static str,
    reporter: &'a dyn Reporter,
}

impl Reporter for AsStage<'_> {
    fn report(&self, mut event: Event) {
        if let Event::Started { stage, .. }
        | Event::Progress { stage, .. }
        | Event::Finished { stage, .. } = &mut event
        {
            *stage = self.stage;
        }
        self.reporter.report(event);
    }
}

fn describe(packages: &[LockedPackage]) -> String {
    match packages {
        [one] => format!("fetching {}", one.name),
        many => format!("fetching {} packages", many.len()),
    }
}

fn describe_npm(packages: &[LockedNpm]) -> String {
    match packages {
        [one] => format!("fetching {} of npm", one.name),
        many => format!("fetching {} packages of npm", many.len()),
    }
}
