//! `cargo xtask build-image --verify`.

use kindling_base::{Context, Result};
use kindling_image::Prepared;
use kindling_image::resolve::Policy;
use kindling_verify as verify;

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
    let prepared = Prepared::new(&recipe, policy, &sources, renderer)?;
    let (locked, plan) = (&prepared.locked, &prepared.plan);
    let blobs = prepared.downloads(&setup.project)?;
    let share_kernel = what == VerifyBuild::Image;
    let shared = plan.npm.iter().chain(share_kernel.then_some(&plan.kernel));
    // As seen from the checkout: in the second world that is another one.
    let seen = recipe.strip_prefix(setup.project.root()).unwrap_or(&recipe);
    let mut arguments = vec![seen.display().to_string()];
    for mirror in &args.recipe.mirrors {
        arguments.extend(["--mirror".to_owned(), mirror.clone()]);
    }
    let verified = verify::verify(
        &verify::Request {
            program: &std::env::current_exe().context("cannot find our own program")?,
            arguments: &arguments,
            recipe: &locked.recipe.name,
            checkout: setup.project.root(),
            copy: &|to| setup.project.copy_to(to).map(drop),
            blobs: blobs.iter().map(String::as_str).collect(),
            shared: shared
                .map(|stage| (stage.name, stage.key.as_str()))
                .collect(),
            store: &setup.store,
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
