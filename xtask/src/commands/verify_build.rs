//! `cargo xtask build-image --verify`.

use kindling_base::Result;
use kindling_image::resolve::Policy;
use kindling_verify::verify;

use super::setup::Setup;
use super::subject::Subject;
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
    let subject = Subject::new(&args.recipe, policy, setup, renderer)?;
    let verified = verify(&subject.request(what), renderer)?;
    for (file, sha256) in &verified.files {
        renderer.data(&format!("{sha256}  {file}"));
    }
    let name = &subject.prepared.locked.recipe.name;
    renderer.note(&format!("{name} is the same in both builds"));
    Ok(())
}
