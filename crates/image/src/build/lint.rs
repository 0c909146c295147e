//! The lint: what would fail at boot is found before there is a bundle.

use std::path::{Path, PathBuf};

use kindling_base::{Event, Reporter, Result};
use kindling_fetch::FetchError;
use kindling_lint::{Judged, Waiver};
use kindling_lint_stage::{Subject, judge, read, warnings, write};
use kindling_publish::Parts;
use kindling_rootfs::overlay::{OverlayEntry, OverlayKind};

use super::Build;
use super::side_by_side::Halt;

impl Build<'_> {
    /// Fails if something in the image would fail at boot and the recipe does not waive it.
    ///
    /// Warnings come again when the stage is in the store.
    pub(crate) fn lint(&self, parts: &Parts) -> Result<(), FetchError> {
        let folder = match self.cached(&self.prepared.plan.lint)? {
            Some(folder) => folder,
            None => self.lint_stage(parts)?,
        };
        self.warn(read(&folder)?);
        Ok(())
    }

    fn lint_stage(&self, parts: &Parts) -> Result<PathBuf, Halt> {
        self.tree_parts()?;
        let detail = "looking for what would fail at boot";
        self.make(&self.prepared.plan.lint, detail, |out| {
            let judged = self.judge(&parts.kernel, parts.initramfs.as_deref())?;
            let written = write(&judged, out);
            if written.is_err() {
                self.warn(judged);
            }
            written.map(|()| None)
        })
    }

    /// The findings of all rules, waivers applied. Makes kernel, initramfs and packages.
    ///
    /// # Errors
    /// One of them could not be made.
    pub(crate) fn findings(&self) -> Result<Judged, FetchError> {
        let mut initramfs = None;
        self.branches.all([
            &mut || self.kernel().map(drop),
            &mut || {
                initramfs = self.initramfs()?;
                Ok(())
            },
            &mut || self.tree_parts(),
        ])?;
        let kernel = self.kernel()?.join(kindling_kernel::FILE);
        let initramfs = initramfs.map(|folder| folder.join(kindling_initramfs::FILE));
        Ok(self.without_inherited(self.judge(&kernel, initramfs.as_deref())?))
    }

    fn judge(&self, kernel: &Path, initramfs: Option<&Path>) -> Result<Judged> {
        let recipe = &self.prepared.locked.recipe;
        let failed = |halt: Halt| kindling_base::Error::from(FetchError::from(halt));
        let packages = self.packages().map_err(failed)?;
        let npm = self.npm().map_err(failed)?;
        let laid_over = self.laid_over().map_err(failed)?;
        let tree = kindling_rootfs::tree(&self.tree(packages, npm, &laid_over.entries))?;
        let is_file = |entry: &&OverlayEntry| !matches!(entry.kind, OverlayKind::Directory);
        let own = laid_over.entries.iter().filter(is_file);
        let own = own.map(|entry| entry.path.clone()).collect();
        let requested = recipe.rootfs.packages.iter();
        let requested: Vec<String> = requested.map(|name| name.value.clone()).collect();
        let waivers: Vec<Waiver> = recipe.lint.iter().map(|w| w.value.clone()).collect();
        judge(&Subject {
            tree: &tree,
            kernel,
            initramfs,
            cmdline: &recipe.kernel.cmdline.value,
            memory_mib: recipe.vm.memory_mib,
            network: recipe.vm.network,
            own: &own,
            requested: &requested,
            waivers: &waivers,
        })
    }

    fn warn(&self, judged: Judged) {
        for warning in warnings(&self.without_inherited(judged)) {
            self.reporter.report(Event::Warning(warning));
        }
    }

    /// Drops unused waivers that the recipe inherits: its parent may need them where it does not.
    fn without_inherited(&self, mut judged: Judged) -> Judged {
        let recipe = &self.prepared.locked.recipe;
        let inherited = recipe.lint.iter().filter(|w| w.at.file() != recipe.path);
        let inherited: Vec<&Waiver> = inherited.map(|waiver| &waiver.value).collect();
        judged.unused.retain(|waiver| !inherited.contains(&waiver));
        judged
    }
}
