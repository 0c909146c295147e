//! `cargo xtask kernel-config`.

use kindling_base::Result;
use kindling_image::resolve::Policy;

use super::setup::Setup;
use crate::cli::{Global, RecipeArgs};
use crate::render::Renderer;

/// Prints the whole `.config` on standard output.
pub(crate) fn run(args: &RecipeArgs, global: &Global, renderer: &dyn Renderer) -> Result<()> {
    let setup = Setup::new(global)?;
    let recipe = setup.recipe(args)?;
    let config =
        kindling_image::kernel_config(&recipe, Policy::Keep, &setup.sources(args), renderer)?;
    renderer.data(&config);
    Ok(())
}
