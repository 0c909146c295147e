//! Files that are laid over the packages: programs of ours, compiled, and overlays.

use std::path::{Path, PathBuf};

use kindling_programs::linked::{self, Linked};
use kindling_programs::{Program, Workshop, agent};
use kindling_rootfs::guest_programs;
use kindling_rootfs::overlay::OverlayEntry;

use super::Build;
use super::side_by_side::Halt;
use crate::stage::Stage;

/// The files that are laid over the packages.
#[derive(Debug)]
pub(super) struct LaidOver {
    /// Programs of ours, then the recipe's overlays.
    pub(super) entries: Vec<OverlayEntry>,
    /// The crates that are linked into the programs.
    pub(super) linked: Vec<Linked>,
}

impl Build<'_> {
    /// The files that are laid over the packages. The first call compiles the programs.
    pub(super) fn laid_over(&self) -> Result<&LaidOver, Halt> {
        self.laid_over.get(|| {
            let (plan, inputs) = (&self.prepared.plan, &self.prepared.inputs);
            let (mut entries, mut linked) = (Vec::new(), Vec::new());
            if let Some(stage) = &plan.agent {
                let folder = self.agent(stage)?;
                let (name, key) = (&self.prepared.locked.recipe.name, &plan.rootfs.key);
                entries = guest_programs::agent(&folder.join(agent::FILE), name, key)?;
                linked = linked::read(&folder)?;
            }
            for (program, stage) in inputs.programs.iter().zip(&plan.programs) {
                let folder = self.program(program, stage)?;
                let file = folder.join(&program.name);
                entries.extend(guest_programs::program(&program.name, &file)?);
                linked.extend(linked::read(&folder)?);
            }
            entries.extend_from_slice(&inputs.overlays);
            Ok(LaidOver { entries, linked })
        })
    }

    fn agent(&self, stage: &Stage) -> Result<PathBuf, Halt> {
        let detail = "compiling the guest's agent";
        self.compiled(stage, agent::FILE, &self.sources.project.agent(), detail)
    }

    fn program(&self, program: &Program, stage: &Stage) -> Result<PathBuf, Halt> {
        let detail = format!("compiling {}", program.name);
        self.compiled(stage, &program.name, &program.folder, &detail)
    }

    fn compiled(
        &self,
        stage: &Stage,
        name: &str,
        folder: &Path,
        detail: &str,
    ) -> Result<PathBuf, Halt> {
        if let Some(cached) = self.cached(stage)? {
            return Ok(cached);
        }
        let (tools, crates) = (self.rust_tools()?, self.crates(folder)?);
        self.make(stage, detail, |out| {
            let (work, _lock) = self.workshop(name, &crates)?;
            let workshop = Workshop { tools, work: &work };
            kindling_programs::build(folder, name, &workshop, out)?;
            Ok(None)
        })
    }
}
