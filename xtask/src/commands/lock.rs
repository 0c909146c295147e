//! `cargo xtask lock`.

use kindling_base::Result;
use kindling_image::resolve::{Policy, resolve};
use kindling_image::tools;
use kindling_recipe as recipe;

use super::setup::Setup;
use crate::cli::{DEFAULT_RECIPE, Global, Lock, RecipeArgs};
use crate::render::Renderer;

pub(crate) fn run(args: &Lock, global: &Global, renderer: &dyn Renderer) -> Result<()> {
    let setup = Setup::new(global)?;
    if args.tools {
        return lock_tools(args, &setup, renderer);
    }
    let (args, policy) = asked(args, &setup);
    let recipe = recipe::load(&setup.recipe(&args)?)?;
    let locked = resolve(recipe, policy, &setup.sources(&args), renderer)?;
    let path = kindling_image::lock::path(&locked.recipe.path);
    renderer.note(&format!(
        "{} pins {} packages{}",
        path.display(),
        locked.lock.packages.len(),
        match locked.lock.npm.len() {
            0 => String::new(),
            npm => format!(" and {npm} of npm"),
        }
    ));
    Ok(())
}

/// Locks every list of build tools.
fn lock_tools(args: &Lock, setup: &Setup, renderer: &dyn Renderer) -> Result<()> {
    let policy = match args.update {
        None => Policy::Keep,
        Some(_) => Policy::Update,
    };
    for name in [tools::LINUX, tools::RUST] {
        let locked = tools::resolve(name, &policy, &setup.sources(&args.recipe), renderer)?;
        let (path, count) = (locked.lock_path(), locked.lock.packages.len());
        renderer.note(&format!("{} pins {count} packages", path.display()));
    }
    Ok(())
}

/// The recipe, and what may happen to its lock. In `lock --update web` the name may be a package's or a recipe's: it is
/// a recipe's where there is one and no other recipe is named.
fn asked(args: &Lock, setup: &Setup) -> (RecipeArgs, Policy) {
    let mut recipe = args.recipe.clone();
    let policy = match args.update.as_deref() {
        None => Policy::Keep,
        Some([]) => Policy::Update,
        Some([name]) if recipe.recipe == DEFAULT_RECIPE && is_recipe(name, setup) => {
            recipe.recipe.clone_from(name);
            Policy::Update
        }
        Some(names) => Policy::UpdateOnly(names.to_vec()),
    };
    (recipe, policy)
}

fn is_recipe(name: &str, setup: &Setup) -> bool {
    recipe::find(name, &setup.project.recipes()).is_ok()
}
