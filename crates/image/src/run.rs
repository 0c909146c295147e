//! The stages of one build: each looks into the store first and runs only where its result is missing.

use std::path::{Path, PathBuf};
use std::time::Instant;

use kindling_base::{Context, Error, Event, Lock, Outcome, Reporter, Result, files, hash};
use kindling_bundle::Manifest;
use kindling_debian::{
    Assembly, Client, FetchError, LockedPackage, Mirrors, assemble, deb, fetch_packages, fetch_url,
};

use crate::bundle::{self, Parts};
use crate::inputs::Inputs;
use crate::lock::{Locked, PinnedKernel};
use crate::plan::{Plan, stage};
use crate::resolve::Sources;
use crate::{initramfs, kernel, rootfs};

/// Name of the kernel's source where it was taken out of a .deb, and of its SHA-256.
const TARBALL: &str = "linux.tar.xz";
const TARBALL_SUM: &str = "linux.tar.xz.sha256";

/// The kernel's source and its SHA-256.
struct Tarball {
    path: PathBuf,
    sha256: String,
}

impl Tarball {
    fn source(&self) -> kernel::Source<'_> {
        kernel::Source {
            tarball: &self.path,
            sha256: &self.sha256,
        }
    }
}

/// One build under way.
pub(crate) struct Run<'a> {
    pub(crate) sources: &'a Sources<'a>,
    pub(crate) locked: &'a Locked,
    pub(crate) inputs: &'a Inputs,
    pub(crate) plan: &'a Plan,
    pub(crate) mirrors: &'a Mirrors,
    pub(crate) reporter: &'a dyn Reporter,
}

impl Run<'_> {
    /// PID 1 as a cpio, or nothing where the recipe wants none.
    pub(crate) fn initramfs(&self) -> Result<Option<PathBuf>> {
        let Some(key) = &self.plan.initramfs else {
            return Ok(None);
        };
        let made = self.stage(stage::INITRAMFS, key, "compiling PID 1", |out| {
            let (work, _lock) = self.work("initramfs")?;
            let source = self.sources.project.initramfs();
            initramfs::build(&source, &work, out, self.epoch())
        })?;
        Ok(Some(made))
    }

    /// The ext4 image: overlays over the frozen package tree.
    pub(crate) fn rootfs(&self) -> Result<PathBuf, FetchError> {
        if let Some(cached) = self.cached(stage::ROOTFS, &self.plan.rootfs) {
            return Ok(cached);
        }
        let packages = self.packages()?.join(kindling_debian::TREE);
        let image = self.stage(stage::ROOTFS, &self.plan.rootfs, "writing ext4", |out| {
            let request = rootfs::Request {
                packages: &packages,
                overlays: &self.inputs.overlays,
                key: &self.plan.rootfs,
                epoch: self.epoch(),
                free_mib: self.locked.recipe.rootfs.free_mib.into(),
            };
            rootfs::build(&request, out, self.reporter)
        })?;
        Ok(image)
    }

    /// The packages, unpacked, configured and frozen.
    fn packages(&self) -> Result<PathBuf, FetchError> {
        let key = &self.plan.packages;
        if let Some(cached) = self.cached(stage::PACKAGES, key) {
            return Ok(cached);
        }
        let pinned = &self.locked.lock.packages;
        let debs = self.download(pinned)?;
        let detail = format!("unpacking and configuring {} packages", debs.len());
        let tree = self.stage(stage::PACKAGES, key, &detail, |out| {
            let (work, _lock) = self.work(&format!("packages-{key}"))?;
            let log = self.log(stage::PACKAGES);
            let assembly = Assembly {
                debs: &debs,
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
        if let Some(cached) = self.cached(stage::KERNEL, &self.plan.kernel) {
            return Ok(cached);
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
                )
            },
        )?;
        Ok(kernel)
    }

    /// The text of the kernel's `.config`.
    pub(crate) fn kernel_config(&self) -> Result<String, FetchError> {
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
        self.work(&format!(
            "linux-{}",
            &self.locked.lock.kernel.sha256()[..16]
        ))
    }

    /// The kernel's source as a tarball: downloaded as it is, or taken out of its .deb.
    fn kernel_tarball(&self) -> Result<Tarball, FetchError> {
        match &self.locked.lock.kernel {
            PinnedKernel::Url { url, sha256 } => Ok(Tarball {
                path: self.download_url(url, sha256)?,
                sha256: sha256.clone(),
            }),
            PinnedKernel::Package { package } => {
                let deb = self.download(std::slice::from_ref(package))?.remove(0);
                let member = format!("usr/src/{}.tar.xz", package.name);
                let extract = |out: &Path| {
                    let path = out.join(TARBALL);
                    deb::extract_file(&deb, &member, &mut files::create(&path)?)?;
                    files::write_atomic(
                        &out.join(TARBALL_SUM),
                        hash::file(&path)?.as_bytes(),
                        0o444,
                    )
                };
                let store = self.sources.store;
                let (folder, _) =
                    store.stage_or_make("kernel-source", &package.sha256, || {}, extract)?;
                let sha256 = files::read_text(&folder.join(TARBALL_SUM))?;
                Ok(Tarball {
                    path: folder.join(TARBALL),
                    sha256,
                })
            }
        }
    }

    /// A file at an address that the recipe names, with the hash that it names.
    fn download_url(&self, url: &str, sha256: &str) -> Result<PathBuf> {
        let store = self.sources.store;
        if let Some(present) = store.blob(sha256) {
            return Ok(present);
        }
        let started = Instant::now();
        self.start(stage::DOWNLOAD, &format!("fetching {url}"));
        let path = fetch_url(&Client::default(), url, sha256, store, self.reporter)?;
        let bytes = files::metadata(&path)?.len();
        let elapsed = started.elapsed();
        self.reporter.report(Event::Finished {
            stage: stage::DOWNLOAD,
            outcome: Outcome::Built,
            elapsed,
            bytes,
        });
        Ok(path)
    }

    /// The bundle, published.
    pub(crate) fn bundle(&self, folder: &Path, parts: &Parts) -> Result<Manifest> {
        let started = Instant::now();
        self.start(stage::BUNDLE, &format!("publishing {}", folder.display()));
        let manifest = bundle::publish(folder, self.locked, self.plan, parts, self.sources.store)?;
        self.finish(stage::BUNDLE, Outcome::Built, started, folder)?;
        Ok(manifest)
    }

    fn download(&self, packages: &[LockedPackage]) -> Result<Vec<PathBuf>, FetchError> {
        let store = self.sources.store;
        if let Some(present) = packages
            .iter()
            .map(|package| store.blob(&package.sha256))
            .collect()
        {
            return Ok(present);
        }
        let started = Instant::now();
        self.start(stage::DOWNLOAD, &describe_download(packages));
        let paths = fetch_packages(
            &Client::default(),
            &self.locked.recipe.image.distribution.value,
            packages,
            self.mirrors,
            store,
            self.reporter,
        )?;
        let bytes = packages.iter().map(|package| package.size).sum();
        let elapsed = started.elapsed();
        self.reporter.report(Event::Finished {
            stage: stage::DOWNLOAD,
            outcome: Outcome::Built,
            elapsed,
            bytes,
        });
        Ok(paths)
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

fn describe_download(packages: &[LockedPackage]) -> String {
    match packages {
        [one] => format!("fetching {}", one.name),
        many => format!("fetching {} packages", many.len()),
    }
}
