//! A kernel that is built already, and the initramfs of its distribution: both are in the tree of the packages.

use std::path::PathBuf;

use kindling_base::{Result, files};
use kindling_fetch::FetchError;

use super::Run;
use crate::plan::stage;
use crate::{initramfs, kernel, seal, stock};

impl Run<'_> {
    /// The kernel of the package `image` of the lock, with the modules that reaching the root needs.
    pub(super) fn stock_kernel(&self, image: &str) -> Result<PathBuf, FetchError> {
        let packages = self.package_layers()?;
        let detail = format!("taking the kernel of {image}");
        let made = self.stage(stage::KERNEL, &self.plan.kernel, &detail, |out| {
            stock::take(&packages, image, out)?;
            seal::seal(&out.join(kernel::FILE))
        })?;
        Ok(made)
    }

    /// The initramfs that configuring the package `image` made.
    pub(super) fn distribution_initramfs(
        &self,
        key: &str,
        image: &str,
    ) -> Result<PathBuf, FetchError> {
        let packages = self.package_layers()?;
        let detail = "taking the distribution's initramfs";
        let made = self.stage(stage::INITRAMFS, key, detail, |out| {
            let archive = stock::initramfs(&packages, image)?;
            files::write(&out.join(initramfs::FILE), &archive)?;
            seal::seal(&out.join(initramfs::FILE))
        })?;
        Ok(made)
    }
}
