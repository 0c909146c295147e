//! The stages of one build: each looks into the store first and runs only where its result is missing.

mod lint;
mod programs;
mod sources;
mod stock_kernel;

use std::cell::OnceCell;
use std::path::{Path, PathBuf};
use std::time::Instant;

use kindling_base::{Context, Error, Event, Lock, Outcome, Reporter, Result, files};
use kindling_bundle::Manifest;
use kindling_deb::LockedPackage;
use kindling_debian::Mirrors;
use kindling_debian_root::{Assembly, assemble};
use kindling_fetch::FetchError;
use kindling_npm_tree::LockedNpm;

use self::programs::LaidOver;
use crate::bundle::{self, Parts};
use crate::inputs::Inputs;
use crate::layers;
use crate::lock::{Locked, PinnedKernel};
use crate::overlay::OverlayEntry;
use crate::plan::{Plan, stage};
use crate::recipe::Initramfs;
use crate::resolve::Sources;
use crate::{initramfs, kernel, linked, rootfs, seal, stock};

/// One build under way.
pub(crate) struct Run<'a> {
    sources: &'a Sources<'a>,
    locked: &'a Locked,
    inputs: &'a Inputs,
    plan: &'a Plan,
    mirrors: &'a Mirrors,
    reporter: &'a dyn Reporter,
    /// What the first stage that needs it makes.
    laid_over: OnceCell<LaidOver>,
}

impl<'a> Run<'a> {
    pub(crate) fn new(
        sources: &'a Sources<'a>,
        locked: &'a Locked,
        inputs: &'a Inputs,
        plan: &'a Plan,
        mirrors: &'a Mirrors,
        reporter: &'a dyn Reporter,
    ) -> Self {
        Self {
            sources,
            locked,
            inputs,
            plan,
            mirrors,
            reporter,
            laid_over: OnceCell::new(),
        }
    }
}

impl Run<'_> {
    /// PID 1 as a cpio, or nothing where the recipe wants none. With a stock kernel, which is then made if need be, the
    /// modules that it needs are in it; or it is the distribution's own.
    pub(crate) fn initramfs(&self) -> Result<Option<PathBuf>, FetchError> {
        let Some(key) = &self.plan.initramfs else {
            return Ok(None);
        };
        self.check(stage::INITRAMFS, key, initramfs::FILE)?;
        let mut modules = None;
        if let PinnedKernel::Image { image } = &self.locked.lock.kernel
            && self.sources.store.stage(stage::INITRAMFS, key).is_none()
        {
            if self.locked.recipe.initramfs == Initramfs::Distribution {
                return self.distribution_initramfs(key, image).map(Some);
            }
            modules = Some(stock::modules(&self.kernel()?)?);
        }
        let made = self.stage(stage::INITRAMFS, key, "compiling PID 1", |out| {
            let (work, _lock) = self.work("initramfs")?;
            let source = self.sources.project.initramfs();
            initramfs::build(&source, &work, modules.as_ref(), out, self.epoch())?;
            seal::seal(&out.join(initramfs::FILE))
        })?;
        Ok(Some(made))
    }

    /// The ext4 image: overlays over the frozen package tree.
    pub(crate) fn rootfs(&self) -> Result<PathBuf, FetchError> {
        self.check(stage::ROOTFS, &self.plan.rootfs, rootfs::FILE)?;
        if let Some(cached) = self.cached(stage::ROOTFS, &self.plan.rootfs) {
            return Ok(cached);
        }
        let packages = self.packages()?;
        let npm = self.npm()?;
        let laid_over = self.laid_over()?;
        let image = self.stage(stage::ROOTFS, &self.plan.rootfs, "writing ext4", |out| {
            let request = rootfs::Request {
                parts: self.parts(&packages, &npm, &laid_over.entries),
                key: &self.plan.rootfs,
                free_mib: self.locked.recipe.rootfs.free_mib.into(),
            };
            let sha256 = rootfs::build(&request, out, self.reporter)?;
            linked::write(out, &laid_over.linked)?;
            seal::seal_hashed(&out.join(rootfs::FILE), &sha256)
        })?;
        Ok(image)
    }

    /// What the root filesystem's tree is made of.
    fn parts<'a>(
        &'a self,
        packages: &'a [PathBuf],
        npm: &'a [(LockedNpm, PathBuf)],
        overlays: &'a [OverlayEntry],
    ) -> rootfs::Parts<'a> {
        let recipe = &self.locked.recipe;
        rootfs::Parts {
            packages,
            npm,
            exclude: &recipe.rootfs.exclude,
            users: &recipe.rootfs.users,
            overlays,
            recipe: &recipe.path,
            epoch: self.epoch(),
        }
    }

    /// The packages, unpacked, configured and frozen: the folder of each layer, the lowest first.
    fn packages(&self) -> Result<Vec<PathBuf>, FetchError> {
        let mut made: Vec<PathBuf> = Vec::new();
        let mut below: Vec<LockedPackage> = Vec::new();
        let layers = layers::split(&self.locked.lock.packages);
        for (key, layer) in self.plan.packages.iter().zip(layers) {
            let layer: Vec<LockedPackage> = layer.into_iter().cloned().collect();
            let folder = match self.cached(stage::PACKAGES, key) {
                Some(cached) => cached,
                None => self.add_packages(key, &layer, &made, &below)?,
            };
            made.push(folder);
            below.extend(layer);
        }
        Ok(made)
    }

    /// Adds a layer of packages to those below it.
    fn add_packages(
        &self,
        key: &str,
        layer: &[LockedPackage],
        base: &[PathBuf],
        below: &[LockedPackage],
    ) -> Result<PathBuf, FetchError> {
        let debs = self.download(layer)?;
        let below = self.download(below)?;
        let detail = match debs.len() {
            1 => "unpacking and configuring a package".to_owned(),
            more => format!("unpacking and configuring {more} packages"),
        };
        let tree = self.stage(stage::PACKAGES, key, &detail, |out| {
            let (work, _lock) = self.work(&format!("packages-{key}"))?;
            let log = self.log(stage::PACKAGES);
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
            assemble(&assembly, self.reporter)?;
            files::remove(&work)
        })?;
        Ok(tree)
    }

    /// The kernel. The source tree and the objects stay in the store's work folder, so that a changed
    /// fragment compiles only what make must.
    pub(crate) fn kernel(&self) -> Result<PathBuf, FetchError> {
        self.check(stage::KERNEL, &self.plan.kernel, kernel::FILE)?;
        if let Some(cached) = self.cached(stage::KERNEL, &self.plan.kernel) {
            return Ok(cached);
        }
        if let PinnedKernel::Image { image } = &self.locked.lock.kernel {
            return self.stock_kernel(image);
        }
        let tarball = self.kernel_tarball()?;
        let kernel = self.stage(
            stage::KERNEL,
            &self.plan.kernel,
            "configuring Linux",
            |out| {
                let (work, _lock) = self.kernel_work()?;
                let fragments = &self.inputs.fragments;
                kernel::build(
                    &tarball.source(),
                    fragments,
                    self.epoch(),
                    &work,
                    out,
                    self.reporter,
                )?;
                seal::seal(&out.join(kernel::FILE))
            },
        )?;
        Ok(kernel)
    }

    /// The text of the kernel's `.config`.
    pub(crate) fn kernel_config(&self) -> Result<String, FetchError> {
        if let PinnedKernel::Image { .. } = self.locked.lock.kernel {
            return Ok(files::read_text(&self.kernel()?.join("config"))?);
        }
        let tarball = self.kernel_tarball()?;
        let (work, _lock) = self.kernel_work()?;
        let config = kernel::configure(
            &tarball.source(),
            &self.inputs.fragments,
            &work,
            self.reporter,
        )?;
        Ok(files::read_text(&config)?)
    }

    fn kernel_work(&self) -> Result<(PathBuf, Lock)> {
        let root = self.sources.store.root();
        if root.to_string_lossy().contains([' ', '\t', ':']) {
            let problem =
                "make cannot compile Linux below a folder with a space or a colon in its name";
            return Err(Error::user(format!("{problem}: {}", root.display()))
                .hint("put the store elsewhere, with --store or KINDLING_STORE"));
        }
        let sha256 = self.locked.lock.kernel.source_sha256().unwrap_or_default();
        self.work(&format!("linux-{}", sha256.get(..16).unwrap_or_default()))
    }

    /// The bundle, published.
    pub(crate) fn bundle(&self, folder: &Path, parts: &Parts) -> Result<Manifest> {
        let started = Instant::now();
        self.start(stage::BUNDLE, &format!("publishing {}", folder.display()));
        let manifest = bundle::publish(
            folder,
            self.inputs,
            self.locked,
            self.plan,
            parts,
            self.sources.store,
        )?;
        self.finish(stage::BUNDLE, Outcome::Built, started, folder)?;
        Ok(manifest)
    }

    /// Forgets a stage's result whose artifact somebody has changed, most likely through the bundle that shares it.
    fn check(&self, stage: &'static str, key: &str, artifact: &str) -> Result<()> {
        let store = self.sources.store;
        let Some(folder) = store.stage(stage, key) else {
            return Ok(());
        };
        if seal::is_intact(&folder.join(artifact))? {
            return Ok(());
        }
        self.reporter.report(Event::Warning(format!(
            "{artifact} was changed after it was built; making it again"
        )));
        store.discard(stage, key, || self.note_waiting(stage))
    }

    /// Looks into the store; reports what it finds.
    fn cached(&self, stage: &'static str, key: &str) -> Option<PathBuf> {
        let started = Instant::now();
        let path = self.sources.store.stage(stage, key)?;
        self.finish(stage, Outcome::Cached, started, &path).ok()?;
        Some(path)
    }

    /// Runs a stage unless the store has its result.
    fn stage(
        &self,
        stage: &'static str,
        key: &str,
        detail: &str,
        make: impl FnOnce(&Path) -> Result<()>,
    ) -> Result<PathBuf> {
        let started = Instant::now();
        let store = self.sources.store;
        let waiting = || self.note_waiting(stage);
        let make = |out: &Path| {
            self.start(stage, detail);
            make(out)
        };
        let made = store.stage_or_make(stage, key, waiting, make);
        let (path, outcome) =
            made.map_err(|error: Error| error.within(format!("stage `{stage}`")))?;
        self.finish(stage, outcome, started, &path)?;
        Ok(path)
    }

    fn work(&self, name: &str) -> Result<(PathBuf, Lock)> {
        self.sources.store.work(name, || self.note_waiting(name))
    }

    fn note_waiting(&self, what: &str) {
        self.reporter.report(Event::Note(format!(
            "waiting for another build that is at `{what}`"
        )));
    }

    fn start(&self, stage: &'static str, detail: &str) {
        self.reporter.report(Event::Started {
            stage,
            detail: detail.to_owned(),
        });
    }

    fn finish(
        &self,
        stage: &'static str,
        outcome: Outcome,
        started: Instant,
        result: &Path,
    ) -> Result<()> {
        let (elapsed, bytes) = (started.elapsed(), files::size_below(result)?);
        self.reporter.report(Event::Finished {
            stage,
            outcome,
            elapsed,
            bytes,
        });
        Ok(())
    }

    fn log(&self, stage: &str) -> PathBuf {
        self.sources
            .store
            .root()
            .join("logs")
            .join(format!("{}-{stage}.log", self.locked.recipe.name))
    }

    fn epoch(&self) -> i64 {
        self.locked.recipe.image.epoch_s.into()
    }
}
