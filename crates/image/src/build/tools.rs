//! The roots of build tools: fetched, unpacked, and made ready to run what compiles.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kindling_base::{Context, Error, Lock, Result, files};
use kindling_debian::Mirrors;
use kindling_debian_root::TOOLS;
use kindling_fetch::{Client, FetchError};
use kindling_programs::VENDOR;
use kindling_registry::Registries;
use kindling_sandbox::BuildRoot;
use kindling_vendor::Pin;

use super::Build;
use super::downloads::Debs;
use super::side_by_side::Halt;
use crate::resolve::Policy;
use crate::stage::{self, Stage};
use crate::tools::{self, LockedTools};

impl Build<'_> {
    /// The tools that compile Linux.
    pub(super) fn linux_tools(&self) -> Result<BuildRoot, Halt> {
        let plan = &self.prepared.plan;
        self.build_root(
            plan.linux_tools.as_ref(),
            self.prepared.tools.linux.as_ref(),
        )
    }

    /// The tools that compile programs of the guest. The first call makes them.
    pub(super) fn rust_tools(&self) -> Result<&BuildRoot, Halt> {
        self.rust_tools.get(|| {
            let plan = &self.prepared.plan;
            self.build_root(plan.rust_tools.as_ref(), self.prepared.tools.rust.as_ref())
        })
    }

    /// Tools that compile C, also where the recipe compiles nothing.
    pub(crate) fn c_tools(&self) -> Result<BuildRoot, FetchError> {
        let locked = match &self.prepared.tools.linux {
            Some(tools) => tools.clone(),
            None => tools::resolve(tools::LINUX, &Policy::Frozen, self.sources, &self.reporter)?,
        };
        Ok(self.build_root(Some(&locked.stage(stage::LINUX_TOOLS)), Some(&locked))?)
    }

    /// Crates of registries that the program in `folder` pins, fetched.
    pub(super) fn crates(&self, folder: &Path) -> Result<(Vec<Pin>, Vec<PathBuf>), Halt> {
        let pins = kindling_vendor::pins(&folder.join("Cargo.lock"))?;
        let named = self.mirrors.named_or_tried("crates");
        let registries = Registries::of_this_machine(named)?;
        let client = Client::default();
        let crates =
            kindling_registry::fetch(&pins, &client, &registries, self.store(), &self.reporter)?;
        Ok((pins, crates))
    }

    /// A work folder for the program called `name`, with its crates laid out for cargo.
    pub(super) fn workshop(
        &self,
        name: &str,
        (pins, crates): &(Vec<Pin>, Vec<PathBuf>),
    ) -> Result<(PathBuf, Lock)> {
        let tools = self.prepared.tools.rust.as_ref();
        let tools = tools.map(LockedTools::content).unwrap_or_default();
        let name = format!("{name}-{}", tools.get(..12).unwrap_or_default());
        let (work, lock) = stage::work(&name, self.store(), &self.reporter)?;
        let vendor = work.join(VENDOR);
        files::remove(&vendor)?;
        kindling_vendor::vendor(pins, crates, &vendor)?;
        Ok((work, lock))
    }

    fn build_root(
        &self,
        stage: Option<&Stage>,
        tools: Option<&LockedTools>,
    ) -> Result<BuildRoot, Halt> {
        let (Some(stage), Some(tools)) = (stage, tools) else {
            return Err(Error::internal("the plan has no tools for what it compiles").into());
        };
        let folder = match self.cached(stage)? {
            Some(cached) => cached,
            None => self.unpack_tools(stage, tools)?,
        };
        let helper = std::env::current_exe().context("cannot find our own program")?;
        Ok(BuildRoot::new(folder.join(TOOLS), helper))
    }

    fn unpack_tools(&self, stage: &Stage, tools: &LockedTools) -> Result<PathBuf, Halt> {
        let mirrors = Mirrors::of_this_machine(self.sources.mirrors, &BTreeMap::new())?;
        let debs = self.debs(&Debs {
            stage: stage.name,
            distribution: &tools.spec.distribution.value,
            mirrors: &mirrors.of_moment(&tools.lock.suites),
            packages: &tools.lock.packages,
        });
        let debs = debs.map_err(gone)?;
        let detail = format!("unpacking {} packages", debs.len());
        // No turn: whoever asks has one, or takes none.
        let made = stage.make(&detail, self.store(), &self.reporter, |out| {
            let unpacking = kindling_debian_root::Tools {
                stage: stage.name,
                debs: &debs,
                links: &tools.spec.links,
                out,
                log: &self.log(stage.name),
                helper: &std::env::current_exe().context("cannot find our own program")?,
            };
            kindling_debian_root::tools(&unpacking, &self.reporter)?;
            Ok(None)
        });
        Ok(made?)
    }
}

/// Tools that left the archive are not moved by a build: another compiler makes another image.
fn gone(halt: Halt) -> Halt {
    match halt {
        Halt::Failed(FetchError::Gone { error, .. }) => {
            let hint = "move the build tools with `cargo xtask lock --tools --update`, or name a \
                        snapshot archive: `--mirror debian-snapshot=URL`";
            error.hint(hint).into()
        }
        other => other,
    }
}
