//! The beginning of every command about a recipe: read it, lock it, plan it.

use std::collections::BTreeSet;
use std::path::Path;

use kindling_base::{Reporter, Result};
use kindling_recipe::Initramfs;
use kindling_vendor::Pin;

use crate::inputs::{self, Inputs};
use crate::lock::Locked;
use crate::plan::{Plan, plan};
use crate::project::Project;
use crate::resolve::{Policy, Sources, resolve};
use crate::tools::Tools;

/// A recipe that is ready to be built: locked, with its inputs read and its stages planned.
#[derive(Debug)]
pub struct Prepared {
    /// The recipe and its lock.
    pub locked: Locked,
    /// The files of the project that go in.
    pub inputs: Inputs,
    /// The build tools that its stages need.
    pub tools: Tools,
    /// The stages, each with the key of its result.
    pub plan: Plan,
}

impl Prepared {
    /// Prepares the recipe in a file.
    ///
    /// # Errors
    /// The recipe or an input of it is wrong, or the recipe cannot be locked as `policy` says.
    pub fn new(
        recipe: &Path,
        policy: Policy,
        sources: &Sources<'_>,
        reporter: &dyn Reporter,
    ) -> Result<Self> {
        let recipe = kindling_recipe::load(recipe)?;
        let inputs = inputs::read(&recipe, sources.project)?;
        let tools = Tools::of(&recipe, &policy, sources, reporter)?;
        let locked = resolve(recipe, policy, sources, reporter)?;
        let plan = plan(&locked, &inputs, &tools);
        Ok(Self {
            locked,
            inputs,
            tools,
            plan,
        })
    }

    /// The same with the recipe's archives asked again: what they still have stays pinned.
    ///
    /// # Errors
    /// The recipe cannot be locked any more.
    pub(crate) fn resolved_again(
        self,
        sources: &Sources<'_>,
        reporter: &dyn Reporter,
    ) -> Result<Self> {
        let locked = resolve(self.locked.recipe, Policy::Refresh, sources, reporter)?;
        let plan = plan(&locked, &self.inputs, &self.tools);
        Ok(Self {
            locked,
            plan,
            ..self
        })
    }

    /// SHA-256 of every file that a build downloads: packages, the kernel's source, build tools, and crates that programs of
    /// the guest pin. Packages of npm are stages.
    ///
    /// # Errors
    /// A program's `Cargo.lock` cannot be read.
    pub fn downloads(&self, project: &Project) -> Result<Vec<String>> {
        let lock = &self.locked.lock;
        let tools = self.tools.iter().flat_map(|tools| &tools.lock.packages);
        let debs = lock.packages.iter().chain(tools);
        let mut all: Vec<String> = debs.map(|package| package.sha256.clone()).collect();
        all.extend(lock.kernel.source_sha256().map(str::to_owned));
        all.extend(self.crates(project)?.into_iter().map(|pin| pin.sha256));
        Ok(all)
    }

    /// The crates that the guest's programs pin, sorted, each once.
    ///
    /// # Errors
    /// A program's `Cargo.lock` cannot be read.
    pub(crate) fn crates(&self, project: &Project) -> Result<Vec<Pin>> {
        let minimal = self.locked.recipe.initramfs == Initramfs::Minimal;
        let init = minimal.then(|| project.initramfs());
        let agent = self.inputs.agent.as_ref().map(|_| project.agent());
        let programs = self.inputs.programs.iter().map(|one| one.folder.clone());
        let mut all = BTreeSet::new();
        for program in init.into_iter().chain(agent).chain(programs) {
            all.extend(kindling_vendor::pins(&program.join("Cargo.lock"))?);
        }
        Ok(all.into_iter().collect())
    }
}
