//! A recipe to be built several times, and what such builds need from this machine.

use std::path::{Path, PathBuf};

use kindling_base::{Context, Result};
use kindling_image::Prepared;
use kindling_image::resolve::Policy;
use kindling_sandbox::Order;
use kindling_verify::{Project, Request};

use super::setup::Setup;
use crate::cli::{RecipeArgs, VerifyBuild};
use crate::render::Renderer;

/// A recipe to be built several times.
pub(super) struct Subject<'a> {
    pub(super) prepared: Prepared,
    setup: &'a Setup,
    args: &'a RecipeArgs,
    renderer: &'a dyn Renderer,
    program: PathBuf,
    arguments: Vec<String>,
    blobs: Vec<String>,
}

impl<'a> Subject<'a> {
    /// Prepares a recipe.
    ///
    /// # Errors
    /// As [`Prepared::new`]; a lock of crates cannot be read.
    pub(super) fn new(
        args: &'a RecipeArgs,
        policy: Policy,
        setup: &'a Setup,
        renderer: &'a dyn Renderer,
    ) -> Result<Self> {
        let recipe = setup.recipe(args)?;
        let prepared = Prepared::new(&recipe, policy, &setup.sources(args), renderer)?;
        // As seen from the checkout: in another world that is another one.
        let seen = recipe.strip_prefix(setup.project.root());
        let mut arguments = vec![seen.unwrap_or(&recipe).display().to_string()];
        for mirror in &args.mirrors {
            arguments.extend(["--mirror".to_owned(), mirror.clone()]);
        }
        Ok(Self {
            blobs: prepared.downloads(&setup.project)?,
            program: std::env::current_exe().context("cannot find our own program")?,
            prepared,
            setup,
            args,
            renderer,
            arguments,
        })
    }

    /// The request to build it; the kernel comes from the store if only the image is asked for.
    pub(super) fn request(&self, what: VerifyBuild) -> Request<'_> {
        let plan = &self.prepared.plan;
        let kernel = (what == VerifyBuild::Image).then_some(&plan.kernel);
        let named = |stage: &'_ kindling_image::Stage| (stage.name, stage.key.clone());
        let is_made = |stage: &&kindling_image::Stage| {
            let tools = [&plan.linux_tools, &plan.rust_tools];
            !plan.npm.contains(stage) && !tools.iter().any(|one| one.as_ref() == Some(*stage))
        };
        Request {
            program: &self.program,
            arguments: &self.arguments,
            recipe: &self.prepared.locked.recipe.name,
            checkout: self.setup.project.root(),
            project: self,
            blobs: self.blobs.iter().map(String::as_str).collect(),
            shared: plan.npm.iter().chain(kernel).map(named).collect(),
            stages: plan.stages().filter(is_made).map(named).collect(),
            store: &self.setup.store,
        }
    }
}

impl Project for Subject<'_> {
    fn copy(&self, to: &Path) -> Result<()> {
        self.setup.project.copy_to(to).map(drop)
    }

    /// With the locked tools.
    fn compile(&self, folder: &Path, source: &str, library: &str) -> Result<()> {
        let sources = self.setup.sources(self.args);
        let tools = kindling_image::c_tools(&self.prepared, &sources, self.renderer)?;
        let argv = ["gcc", "-shared", "-fPIC", "-O2", "-o", library, source];
        let order = Order {
            argv: argv.map(str::to_owned).to_vec(),
            env: Vec::new(),
            build: folder,
            folder: "",
        };
        let log = self.setup.store.root().join("logs/verify-library.log");
        tools.run(&order, &log, |_| {})
    }
}
