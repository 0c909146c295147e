//! A build under way: results of stages, each looked for in the store first, made where it is missing, and made once however
//! many other stages ask for it.

mod downloads;
mod images;
mod kernel;
mod lint;
mod packages;
mod programs;
mod shared;
mod side_by_side;
mod timeline;
mod tools;

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use kindling_base::{Outcome, Reporter, Result};
use kindling_bundle::{Machine, Manifest, Readiness};
use kindling_debian::Mirrors;
use kindling_evidence::{Kernel, Origin};
use kindling_fetch::FetchError;
use kindling_npm_tree::LockedNpm;
use kindling_publish::Parts;
use kindling_sandbox::BuildRoot;
use kindling_store::Store;

use crate::lock::{self, PinnedKernel};
use crate::prepared::Prepared;
use crate::resolve::{self, Sources};
use crate::stage::{self, Stage};
use programs::LaidOver;
use shared::Shared;
use side_by_side::{Branches, Halt};
use timeline::Timeline;

/// One build under way. Its methods return results and may be called from several threads.
pub(crate) struct Build<'a> {
    prepared: &'a Prepared,
    sources: &'a Sources<'a>,
    mirrors: Mirrors,
    reporter: Timeline<'a>,
    branches: Branches,
    kernel: Shared<PathBuf>,
    packages: Shared<Vec<PathBuf>>,
    npm: Shared<Vec<(LockedNpm, PathBuf)>>,
    rust_tools: Shared<BuildRoot>,
    laid_over: Shared<LaidOver>,
}

impl<'a> Build<'a> {
    /// Begins a build: nothing is made yet.
    ///
    /// # Errors
    /// A configuration of mirrors does not parse.
    pub(crate) fn new(
        prepared: &'a Prepared,
        sources: &'a Sources<'a>,
        reporter: &'a dyn Reporter,
    ) -> Result<Self> {
        let mirrors = resolve::mirrors(&prepared.locked.recipe, sources)?;
        Ok(Self {
            mirrors: mirrors.of_moment(&prepared.locked.lock.suites),
            prepared,
            sources,
            reporter: Timeline::new(reporter),
            branches: Branches::new(turns(prepared, sources.store)),
            kernel: Shared::default(),
            packages: Shared::default(),
            npm: Shared::default(),
            rust_tools: Shared::default(),
            laid_over: Shared::default(),
        })
    }

    /// Kernel, initramfs and root filesystem. What does not need each other is made at the same time.
    ///
    /// # Errors
    /// The first stage that failed; the others have ended.
    pub(crate) fn parts(&self) -> Result<Parts, FetchError> {
        let (mut kernel, mut initramfs, mut rootfs) = (None, None, None);
        self.branches.all([
            &mut || {
                kernel = Some(self.kernel()?.join(kindling_kernel::FILE));
                Ok(())
            },
            &mut || {
                rootfs = Some(self.rootfs()?.join(kindling_rootfs::FILE));
                Ok(())
            },
            &mut || {
                initramfs = self.initramfs()?;
                Ok(())
            },
        ])?;
        Ok(Parts {
            kernel: kernel.unwrap_or_default(),
            initramfs: initramfs.map(|folder| folder.join(kindling_initramfs::FILE)),
            rootfs: rootfs.unwrap_or_default(),
        })
    }

    /// The bundle, published.
    pub(crate) fn publish(&self, folder: &Path, parts: &Parts) -> Result<Manifest> {
        let started = Instant::now();
        let detail = format!("publishing {}", folder.display());
        stage::start(stage::BUNDLE, &detail, &self.reporter);
        let Prepared {
            locked,
            inputs,
            plan,
            tools,
        } = self.prepared;
        let (recipe, lock) = (&locked.recipe, &locked.lock);
        let file_name = |path: &Path| {
            let name = path.file_name().unwrap_or_default();
            name.to_string_lossy().into_owned()
        };
        let origin = Origin {
            recipe_file: &file_name(&recipe.path),
            recipe_sha256: &inputs.recipe,
            lock_file: &file_name(&lock::path(&recipe.path)),
            lock_sha256: &lock::sha256(lock),
            epoch_s: recipe.image.epoch_s,
            distribution: &recipe.image.distribution.value,
            release: recipe
                .rootfs
                .suites
                .first()
                .map_or("", |suite| &suite.value),
            packages: &lock.packages,
            npm: &lock.npm,
            kernel: match &lock.kernel {
                PinnedKernel::Image { image } => Kernel::Image(image),
                PinnedKernel::Package { package } => Kernel::Package(package),
                PinnedKernel::Url { url, sha256 } => Kernel::Url { url, sha256 },
            },
            keyrings: &inputs.keyrings,
            tools: tools.evidence(),
            crates: self.pinned_crates()?,
            // Packages of npm are inputs, listed as such.
            stages: (plan.stages().filter(|stage| stage.name != stage::NPM))
                .map(|stage| (stage.name, stage.key.clone()))
                .collect(),
        };
        let request = kindling_publish::Request {
            key: &plan.bundle.key,
            name: &recipe.name,
            description: &recipe.image.description,
            architecture: &recipe.image.architecture,
            uuid: kindling_base::hash::uuid(&plan.rootfs.key),
            cmdline: &recipe.kernel.cmdline.value,
            machine: Machine {
                vcpus: recipe.vm.vcpus,
                memory_mib: recipe.vm.memory_mib,
                network: recipe.vm.network,
            },
            ready: Readiness {
                marker: recipe.ready.marker.clone(),
                timeout_s: recipe.ready.timeout_s,
            },
            agent: recipe.rootfs.agent,
            origin,
            parts,
        };
        let manifest = kindling_publish::publish(folder, &request, self.store())?;
        stage::finished(
            stage::BUNDLE,
            Outcome::Built,
            started,
            folder,
            &self.reporter,
        )?;
        Ok(manifest)
    }

    /// The crates that the guest's programs pin.
    fn pinned_crates(&self) -> Result<Vec<kindling_evidence::Crate>> {
        let pins = self.prepared.crates(self.sources.project)?.into_iter();
        let listed = pins.map(|pin| kindling_evidence::Crate {
            name: pin.name,
            version: pin.version,
            sha256: pin.sha256,
        });
        Ok(listed.collect())
    }

    /// The stages that the build waited for, in order.
    pub(crate) fn critical_path(&self) -> Vec<(&'static str, Duration)> {
        self.reporter.critical_path()
    }

    fn store(&self) -> &Store {
        self.sources.store
    }

    fn cached(&self, stage: &Stage) -> Result<Option<PathBuf>> {
        stage.cached(self.store(), &self.reporter)
    }

    /// Makes a stage's result while few enough others are made.
    fn make(
        &self,
        stage: &Stage,
        detail: &str,
        make: impl FnOnce(&Path) -> Result<Option<String>>,
    ) -> Result<PathBuf, Halt> {
        let _turn = self.branches.turn()?;
        Ok(stage.make(detail, self.store(), &self.reporter, make)?)
    }

    fn epoch(&self) -> i64 {
        self.prepared.locked.recipe.image.epoch_s.into()
    }
}

/// How many stages are made at a time beside a kernel that is compiled: as many as there are processors in all. The kernel
/// takes longer than all others together, so it has a turn of its own and waits for none.
fn turns(prepared: &Prepared, store: &Store) -> usize {
    let is_compiled = !matches!(prepared.locked.lock.kernel, PinnedKernel::Image { .. });
    let compiles = is_compiled && prepared.plan.kernel.result(store).is_none();
    kindling_base::parallel::processors() - usize::from(compiles)
}
