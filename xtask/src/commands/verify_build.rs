//! `cargo xtask build-image --verify`.

use kindling_base::{Context, Result};
use kindling_image::resolve::Policy;
use kindling_image::{planned, verify};

use super::setup::Setup;
use crate::cli::{BuildImage, VerifyBuild};
use crate::render::Renderer;

pub(crate) fn run(
    what: VerifyBuild,
    args: &BuildImage,
    setup: &Setup,
    renderer: &dyn Renderer,
) -> Result<()> {
    let policy = if args.locked {
        Policy::Frozen
    } else {
        Policy::Keep
    };
    let recipe = setup.recipe(&args.recipe)?;
    let sources = setup.sources(&args.recipe);
    let (locked, plan) = planned(&recipe, policy, &sources, renderer)?;
    let mut arguments = vec![recipe.display().to_string()];
    for mirror in &args.recipe.mirrors {
        arguments.extend(["--mirror".to_owned(), mirror.clone()]);
    }
    let verified = verify::verify(
        &verify::Request {
            program: &std::env::current_exe().context("cannot find our own program")?,
            arguments: &arguments,
            locked: &locked,
            plan: &plan,
            store: &setup.store,
            share_kernel: what == VerifyBuild::Image,
        },
        renderer,
    )?;
    for (file, sha256) in &verified.files {
        renderer.data(&format!("{sha256}  {file}"));
    }
    let name = &locked.recipe.name;
    renderer.note(&format!("{name} is the same in both builds"));
    Ok(())
}
