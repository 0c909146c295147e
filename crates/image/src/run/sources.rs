//! What stages are made of, fetched into the store: .debs, packages of npm and the kernel's source.

use std::path::{Path, PathBuf};
use std::time::Instant;

use kindling_base::{Error, Event, Outcome, Result, files, hash};
use kindling_deb::{self as deb, LockedPackage};
use kindling_debian::fetch_packages;
use kindling_fetch::{Client, FetchError, fetch_url};

use super::Run;
use crate::kernel;
use crate::lock::PinnedKernel;
use crate::npm;
use crate::plan::stage;
use kindling_npm_tree::LockedNpm;

/// Name of the kernel's source where it was taken out of a .deb, compressed as it was, and of its SHA-256.
const TARBALL: &str = "linux.tar";
const TARBALL_SUM: &str = "linux.tar.sha256";

/// The kernel's source and its SHA-256.
pub(super) struct Tarball {
    path: PathBuf,
    sha256: String,
}

impl Tarball {
    /// As the kernel stage takes it.
    pub(super) fn source(&self) -> kernel::Source<'_> {
        kernel::Source {
            tarball: &self.path,
            sha256: &self.sha256,
        }
    }
}

impl Run<'_> {
    /// The .debs of `packages`, in their order.
    pub(super) fn download(&self, packages: &[LockedPackage]) -> Result<Vec<PathBuf>, FetchError> {
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
        self.downloaded(started, bytes);
        Ok(paths)
    }

    /// The packages of npm, each with its unzipped tarball.
    pub(super) fn npm(&self) -> Result<Vec<(LockedNpm, PathBuf)>, FetchError> {
        let packages = &self.locked.lock.npm;
        let store = self.sources.store;
        if let Some(tars) = kindling_npm_tree::stored(packages, store)? {
            return Ok(packages.iter().cloned().zip(tars).collect());
        }
        let started = Instant::now();
        self.start(stage::DOWNLOAD, &describe_npm(packages));
        let registries = npm::registries(self.mirrors, self.sources)?;
        let tars = kindling_npm::fetch(
            packages,
            &Client::default(),
            &registries,
            store,
            self.reporter,
        )?;
        let sizes = tars.iter().map(|tar| Ok(files::metadata(tar)?.len()));
        self.downloaded(started, sizes.sum::<Result<u64>>()?);
        Ok(packages.iter().cloned().zip(tars).collect())
    }

    fn downloaded(&self, started: Instant, bytes: u64) {
        self.reporter.report(Event::Finished {
            stage: stage::DOWNLOAD,
            outcome: Outcome::Built,
            elapsed: started.elapsed(),
            bytes,
        });
    }

    /// The kernel's source as a tarball: downloaded as it is, or taken out of its .deb.
    pub(super) fn kernel_tarball(&self) -> Result<Tarball, FetchError> {
        match &self.locked.lock.kernel {
            PinnedKernel::Image { image } => {
                let what = format!("{image} is a kernel and no source of one");
                Err(Error::internal(what).into())
            }
            PinnedKernel::Url { url, sha256 } => Ok(Tarball {
                path: self.download_url(url, sha256)?,
                sha256: sha256.clone(),
            }),
            PinnedKernel::Package { package } => {
                let deb = self.download(std::slice::from_ref(package))?.remove(0);
                let name = &package.name;
                // Debian's, and Ubuntu's.
                let members = [
                    format!("usr/src/{name}.tar.xz"),
                    format!("usr/src/{name}/{name}.tar.bz2"),
                ];
                let members = members.each_ref().map(String::as_str);
                let extract = |out: &Path| {
                    let path = out.join(TARBALL);
                    deb::extract_first(&deb, &members, &mut files::create(&path)?)?;
                    files::write_atomic(
                        &out.join(TARBALL_SUM),
                        hash::file(&path)?.as_bytes(),
                        0o444,
                    )
                };
                let store = self.sources.store;
                let (folder, _) =
                    store.stage_or_make("kernel-tarball", &package.sha256, || {}, extract)?;
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
        self.downloaded(started, bytes);
        Ok(path)
    }
}

fn describe_download(packages: &[LockedPackage]) -> String {
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
