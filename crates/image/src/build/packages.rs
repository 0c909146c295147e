//! The packages, unpacked, configured and frozen.

use std::path::PathBuf;

use kindling_base::{Context, Result, files};
use kindling_deb::LockedPackage;
use kindling_debian_root::{Assembly, assemble};

use super::Build;
use super::side_by_side::Halt;
use crate::layers;
use crate::stage::{self, Stage};

impl Build<'_> {
    /// The folder of each layer, the lowest first.
    pub(super) fn packages(&self) -> Result<&Vec<PathBuf>, Halt> {
        self.packages.get(|| {
            let mut made: Vec<PathBuf> = Vec::new();
            let mut below: Vec<LockedPackage> = Vec::new();
            let layers = layers::split(&self.prepared.locked.lock.packages);
            for (stage, layer) in self.prepared.plan.packages.iter().zip(layers) {
                let layer: Vec<LockedPackage> = layer.into_iter().cloned().collect();
                let folder = match self.cached(stage)? {
                    Some(cached) => cached,
                    None => self.add_packages(stage, &layer, &made, &below)?,
                };
                made.push(folder);
                below.extend(layer);
            }
            Ok(made)
        })
    }

    /// Adds a layer of packages to those below it.
    fn add_packages(
        &self,
        stage: &Stage,
        layer: &[LockedPackage],
        base: &[PathBuf],
        below: &[LockedPackage],
    ) -> Result<PathBuf, Halt> {
        let debs = self.own_debs(stage::DOWNLOAD, layer)?;
        let below = self.own_debs(stage::DOWNLOAD, below)?;
        let detail = match debs.len() {
            1 => "unpacking and configuring a package".to_owned(),
            more => format!("unpacking and configuring {more} packages"),
        };
        self.make(stage, &detail, |out| {
            let name = format!("packages-{}", stage.key);
            let (work, _lock) = stage::work(&name, self.store(), &self.reporter)?;
            let log = self.log(stage.name);
            let assembly = Assembly {
                debs: &debs,
                base,
                below: &below,
                epoch: self.epoch(),
                work: &work,
                out,
                log: &log,
                helper: &std::env::current_exe().context("cannot find our own program")?,
                keep_root: false,
            };
            assemble(&assembly, &self.reporter)?;
            files::remove(&work)?;
            Ok(None)
        })
    }

    pub(super) fn log(&self, stage: &str) -> PathBuf {
        let name = format!("{}-{stage}.log", self.prepared.locked.recipe.name);
        self.store().root().join("logs").join(name)
    }
}
