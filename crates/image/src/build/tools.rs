//! The roots of build tools: fetched, unpacked, and made ready to run what compiles.

use std::collections::BTreeMap;
use std::path::PathBuf;

use kindling_base::{Context, Error, Result};
use kindling_debian::Mirrors;
use kindling_debian_root::TOOLS;
use kindling_sandbox::BuildRoot;

use super::Build;
use super::downloads::Debs;
use super::side_by_side::Halt;
use crate::stage::{self, Stage};
use crate::tools::LockedTools;

impl Build<'_> {
    /// The tools that compile Linux.
    pub(super) fn linux_tools(&self) -> Result<BuildRoot, Halt> {
        let plan = &self.prepared.plan;
        self.build_root(
            plan.linux_tools.as_ref(),
            self.prepared.tools.linux.as_ref(),
        )
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
            stage: stage::TOOLS,
            distribution: &tools.spec.distribution.value,
            mirrors: &mirrors.of_moment(&tools.lock.suites),
            packages: &tools.lock.packages,
        })?;
        let detail = format!("unpacking {} packages", debs.len());
        // No turn: whoever asks has one, or takes none.
        let made = stage.make(&detail, self.store(), &self.reporter, |out| {
            let unpacking = kindling_debian_root::Tools {
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
