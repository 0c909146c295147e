//! The kernel: compiled from source, or taken out of the packages where a distribution has built it.

use std::path::PathBuf;

use kindling_base::{Error, Lock, Result, files};
use kindling_kernel::Tarball;
use kindling_sandbox::BuildRoot;

use super::Build;
use super::side_by_side::Halt;
use crate::lock::PinnedKernel;
use crate::stage;
use crate::tools::LockedTools;

impl Build<'_> {
    /// The kernel's folder.
    pub(super) fn kernel(&self) -> Result<&PathBuf, Halt> {
        self.kernel.get(|| {
            if let Some(cached) = self.cached(&self.prepared.plan.kernel)? {
                return Ok(cached);
            }
            match &self.prepared.locked.lock.kernel {
                PinnedKernel::Image { image } => self.stock_kernel(image),
                PinnedKernel::Package { .. } | PinnedKernel::Url { .. } => self.compiled_kernel(),
            }
        })
    }

    /// The text of the kernel's `.config`.
    pub(crate) fn kernel_config(&self) -> Result<String, kindling_fetch::FetchError> {
        Ok(self.config()?)
    }

    fn config(&self) -> Result<String, Halt> {
        if let PinnedKernel::Image { .. } = self.prepared.locked.lock.kernel {
            return Ok(files::read_text(&self.kernel()?.join("config"))?);
        }
        let (source, tools) = self.source_and_tools()?;
        let (work, _lock) = self.kernel_work()?;
        let fragments = &self.prepared.inputs.fragments;
        let config =
            kindling_kernel::configure(&source.source(), fragments, &tools, &work, &self.reporter)?;
        Ok(files::read_text(&config)?)
    }

    /// Compiles the kernel, in a turn of its own. The source tree and the objects stay in the store's work folder, so that a
    /// changed fragment compiles only what make must.
    fn compiled_kernel(&self) -> Result<PathBuf, Halt> {
        let (source, tools) = self.source_and_tools()?;
        let (stage, store) = (&self.prepared.plan.kernel, self.store());
        let made = stage.make("configuring Linux", store, &self.reporter, |out| {
            let (work, _lock) = self.kernel_work()?;
            kindling_kernel::build(
                &source.source(),
                &self.prepared.inputs.fragments,
                self.epoch(),
                (&tools, &work),
                out,
                &self.reporter,
            )?;
            Ok(None)
        });
        Ok(made?)
    }

    /// All that compiling the kernel takes, made ready at the same time.
    fn source_and_tools(&self) -> Result<(Tarball, BuildRoot), Halt> {
        let (mut source, mut tools) = (None, None);
        self.branches.all([
            &mut || {
                source = Some(self.kernel_source()?);
                Ok(())
            },
            &mut || {
                tools = Some(self.linux_tools()?);
                Ok(())
            },
        ])?;
        source
            .zip(tools)
            .ok_or_else(|| Error::internal("a kernel without source and tools").into())
    }

    /// Takes the kernel of a package, with the modules that reaching the root needs.
    fn stock_kernel(&self, image: &str) -> Result<PathBuf, Halt> {
        let packages = self.packages()?;
        let detail = format!("taking the kernel of {image}");
        self.make(&self.prepared.plan.kernel, &detail, |out| {
            kindling_stock_kernel::take(packages, image, out)?;
            Ok(None)
        })
    }

    fn kernel_source(&self) -> Result<Tarball, Halt> {
        match &self.prepared.locked.lock.kernel {
            PinnedKernel::Image { image } => {
                let what = format!("{image} is a kernel and no source of one");
                Err(Error::internal(what).into())
            }
            PinnedKernel::Url { url, sha256 } => {
                Ok(Tarball::new(self.source_url(url, sha256)?, sha256))
            }
            PinnedKernel::Package { package } => self.source_package(package),
        }
    }

    fn kernel_work(&self) -> Result<(PathBuf, Lock)> {
        let sha256 = self.prepared.locked.lock.kernel.source_sha256();
        let tools = self.prepared.tools.linux.as_ref().map(LockedTools::content);
        let short = |hash: Option<&str>| {
            hash.and_then(|hash| hash.get(..12))
                .unwrap_or_default()
                .to_owned()
        };
        let name = format!("linux-{}-{}", short(sha256), short(tools.as_deref()));
        stage::work(&name, self.store(), &self.reporter)
    }
}
