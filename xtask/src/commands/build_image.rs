//! `cargo xtask build-image`.

use kindling_base::{Result, host};
use kindling_image::resolve::Policy;
use kindling_image::{Request, build};

use super::setup::Setup;
use super::verify_build;
use crate::cli::{BuildImage, Global};
use crate::render::{Renderer, Summary};

pub(crate) fn run(args: &BuildImage, global: &Global, renderer: &dyn Renderer) -> Result<()> {
    let setup = Setup::new(global)?;
    let recipe = setup.recipe(&args.recipe)?;
    host::ensure(&kindling_image::host::build(), !global.no_install, renderer)?;
    if let Some(what) = args.verify {
        return verify_build::run(what, args, &setup, renderer);
    }
    let request = Request {
        recipe: &recipe,
        out: &args.out.clone().unwrap_or_else(|| setup.project.out()),
        policy: if args.locked {
            Policy::Frozen
        } else {
            Policy::Keep
        },
        sources: setup.sources(&args.recipe),
    };
    let built = build(&request, renderer)?;
    renderer.finish(Summary {
        folder: &built.folder,
        outcome: built.outcome,
    });
    Ok(())
}
