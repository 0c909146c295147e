//! `cargo xtask build-image --verify`.

use std::path::Path;

use kindling_base::{Context, Result};
use kindling_image::Prepared;
use kindling_image::resolve::Policy;
use kindling_verify as verify;

use super::setup::Setup;
use crate::cli::{BuildImage, RecipeArgs, VerifyBuild};
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
    let prepared = Prepared::new(&recipe, policy, &sources, renderer)?;
    let verified = with_request(what, &args.recipe, (&recipe, &prepared), setup, |request| {
        verify::verify(request, renderer)
    })?;
    for (file, sha256) in &verified.files {
        renderer.data(&format!("{sha256}  {file}"));
    }
    let name = &prepared.locked.recipe.name;
    renderer.note(&format!("{name} is the same in both builds"));
    Ok(())
}

/// Calls `verify` with a request for a recipe that builds from an empty stage cache.
///
/// # Errors
/// Those of `verify`; a lock of crates cannot be read.
pub(super) fn with_request<T>(
    what: VerifyBuild,
    args: &RecipeArgs,
    (recipe, prepared): (&Path, &Prepared),
    setup: &Setup,
    verify: impl FnOnce(&verify::Request<'_>) -> Result<T>,
) -> Result<T> {
    let plan = &prepared.plan;
    let blobs = prepared.downloads(&setup.project)?;
    let share_kernel = what == VerifyBuild::Image;
    let shared = plan.npm.iter().chain(share_kernel.then_some(&plan.kernel));
    // As seen from the checkout: in the second world that is another one.
    let seen = recipe.strip_prefix(setup.project.root()).unwrap_or(recipe);
    let mut arguments = vec![seen.display().to_string()];
    for mirror in &args.mirrors {
        arguments.extend(["--mirror".to_owned(), mirror.clone()]);
    }
    verify(&verify::Request {
        program: &std::env::current_exe().context("cannot find our own program")?,
        arguments: &arguments,
        recipe: &prepared.locked.recipe.name,
        checkout: setup.project.root(),
        copy: &|to| setup.project.copy_to(to).map(drop),
        blobs: blobs.iter().map(String::as_str).collect(),
        shared: shared
            .map(|stage| (stage.name, stage.key.as_str()))
            .collect(),
        store: &setup.store,
    })
}
