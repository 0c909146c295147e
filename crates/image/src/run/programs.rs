//! Programs of ours for the guest, compiled, and what else is laid over its packages.

use std::path::PathBuf;

use kindling_base::Result;

use super::Run;
use crate::agent;
use crate::linked::{self, Linked};
use crate::overlay::OverlayEntry;
use crate::plan::stage;
use crate::programs::{self, Program};

/// What is laid over the packages.
#[derive(Debug)]
pub(crate) struct LaidOver {
    /// Programs of ours, then the recipe's overlays.
    pub(super) entries: Vec<OverlayEntry>,
    /// What is linked into the programs.
    pub(super) linked: Vec<Linked>,
}

impl Run<'_> {
    /// What is laid over the packages; the programs are compiled when it is first asked for.
    pub(super) fn laid_over(&self) -> Result<&LaidOver> {
        if let Some(made) = self.laid_over.get() {
            return Ok(made);
        }
        let (mut entries, mut linked) = (Vec::new(), Vec::new());
        if let Some(folder) = self.agent()? {
            entries = agent::entries(&folder, &self.locked.recipe.name, &self.plan.rootfs)?;
            linked = linked::read(&folder)?;
        }
        for (program, key) in self.inputs.programs.iter().zip(&self.plan.programs) {
            let folder = match self.cached(stage::PROGRAM, key) {
                Some(cached) => cached,
                None => self.compile(program, key)?,
            };
            entries.extend(programs::entries(program, &folder)?);
            linked.extend(linked::read(&folder)?);
        }
        entries.extend_from_slice(&self.inputs.overlays);
        Ok(self.laid_over.get_or_init(|| LaidOver { entries, linked }))
    }

    /// The guest's agent, or nothing where the recipe wants none.
    fn agent(&self) -> Result<Option<PathBuf>> {
        let Some(key) = &self.plan.agent else {
            return Ok(None);
        };
        let made = self.stage(stage::AGENT, key, "compiling the guest's agent", |out| {
            let (work, _lock) = self.work("agent")?;
            agent::build(&self.sources.project.agent(), &work, out)
        })?;
        Ok(Some(made))
    }

    fn compile(&self, program: &Program, key: &str) -> Result<PathBuf> {
        let detail = format!("compiling {}", program.name);
        self.stage(stage::PROGRAM, key, &detail, |out| {
            let (work, _lock) = self.work("programs")?;
            programs::build(program, &work, out)
        })
    }
}
