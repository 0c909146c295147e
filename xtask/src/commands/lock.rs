//! `cargo xtask lock`.

use kindling_base::Result;
use kindling_image::recipe;
use kindling_image::resolve::{Policy, resolve};

use super::setup::Setup;
use crate::cli::{Global, Lock};
use crate::render::Renderer;

pub(crate) fn run(args: &Lock, global: &Global, renderer: &dyn Renderer) -> Result<()> {
    let setup = Setup::new(global)?;
    let recipe = recipe::load(&setup.recipe(&args.recipe)?)?;
    let policy = if args.update {
        Policy::Update
    } else {
        Policy::Keep
    };
    let locked = resolve(recipe, policy, &setup.sources(&args.recipe), renderer)?;
    let path = kindling_image::lock::path(&locked.recipe.path);
    renderer.note(&format!(
        "{} pins {} packages",
        path.display(),
        locked.lock.packages.len()
    ));
    Ok(())
}
