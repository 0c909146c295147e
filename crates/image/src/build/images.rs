//! The two images that a kernel reads: the initramfs and the root filesystem.

use std::path::PathBuf;

use kindling_base::files;
use kindling_initramfs::Modules;
use kindling_npm_tree::LockedNpm;
use kindling_programs::{Workshop, linked};
use kindling_recipe::Initramfs;
use kindling_rootfs::overlay::OverlayEntry;

use super::Build;
use super::side_by_side::Halt;
use crate::lock::PinnedKernel;
use crate::stage::Stage;

impl Build<'_> {
    /// PID 1 as a cpio, or nothing where the recipe wants none. With a stock kernel, which is then made if need be, the
    /// modules that it needs are in it; or it is the distribution's own.
    pub(super) fn initramfs(&self) -> Result<Option<PathBuf>, Halt> {
        let Some(stage) = &self.prepared.plan.initramfs else {
            return Ok(None);
        };
        if let Some(cached) = self.cached(stage)? {
            return Ok(Some(cached));
        }
        let made = match &self.prepared.locked.lock.kernel {
            PinnedKernel::Image { image } => {
                if self.prepared.locked.recipe.initramfs == Initramfs::Distribution {
                    self.distribution_initramfs(stage, image)?
                } else {
                    let (folder, compress) = kindling_stock_kernel::modules(self.kernel()?)?;
                    self.own_initramfs(stage, Some(&Modules { folder, compress }))?
                }
            }
            PinnedKernel::Package { .. } | PinnedKernel::Url { .. } => {
                self.own_initramfs(stage, None)?
            }
        };
        Ok(Some(made))
    }

    fn own_initramfs(&self, stage: &Stage, modules: Option<&Modules>) -> Result<PathBuf, Halt> {
        let source = self.sources.project.initramfs();
        let (tools, crates) = (self.rust_tools()?, self.crates(&source)?);
        self.make(stage, "compiling PID 1", |out| {
            let (work, _lock) = self.workshop("initramfs", &crates)?;
            let workshop = Workshop { tools, work: &work };
            kindling_initramfs::build(&source, &workshop, modules, out, self.epoch())?;
            Ok(None)
        })
    }

    /// The initramfs that configuring the package `image` made.
    fn distribution_initramfs(&self, stage: &Stage, image: &str) -> Result<PathBuf, Halt> {
        let packages = self.packages()?;
        self.make(stage, "taking the distribution's initramfs", |out| {
            let archive = kindling_stock_kernel::initramfs(packages, image)?;
            files::write(&out.join(kindling_initramfs::FILE), &archive)?;
            Ok(None)
        })
    }

    /// The ext4 image: overlays over the frozen package tree.
    pub(super) fn rootfs(&self) -> Result<PathBuf, Halt> {
        let stage = &self.prepared.plan.rootfs;
        if let Some(cached) = self.cached(stage)? {
            return Ok(cached);
        }
        self.tree_parts()?;
        let (packages, npm, laid_over) = (self.packages()?, self.npm()?, self.laid_over()?);
        self.make(stage, "writing ext4", |out| {
            let request = kindling_rootfs::Request {
                parts: self.tree(packages, npm, &laid_over.entries),
                key: &stage.key,
                free_mib: self.prepared.locked.recipe.rootfs.free_mib.into(),
            };
            let sha256 = kindling_rootfs::build(&request, out, &self.reporter)?;
            linked::write(out, &laid_over.linked)?;
            Ok(Some(sha256))
        })
    }

    /// Makes all that the root filesystem's tree is made of, at the same time.
    pub(super) fn tree_parts(&self) -> Result<(), Halt> {
        self.branches.all([
            &mut || self.packages().map(drop),
            &mut || self.laid_over().map(drop),
            &mut || self.npm().map(drop),
        ])
    }

    /// The parts of the root filesystem's tree.
    pub(super) fn tree<'a>(
        &'a self,
        packages: &'a [PathBuf],
        npm: &'a [(LockedNpm, PathBuf)],
        overlays: &'a [OverlayEntry],
    ) -> kindling_rootfs::Parts<'a> {
        let recipe = &self.prepared.locked.recipe;
        kindling_rootfs::Parts {
            packages,
            npm,
            exclude: &recipe.rootfs.exclude,
            users: &recipe.rootfs.users,
            overlays,
            recipe: &recipe.path,
            epoch: self.epoch(),
        }
    }
}
