//! `cargo xtask build-image`.

use kindling_base::Result;
use kindling_bundle::SIGNATURE;
use kindling_evidence::{Signer, sign};
use kindling_image::resolve::Policy;
use kindling_image::{Request, build};

use super::setup::Setup;
use super::{ready_snapshot, verify_build};
use crate::cli::{BuildImage, Global};
use crate::render::{Renderer, Summary};

pub(crate) fn run(args: &BuildImage, global: &Global, renderer: &dyn Renderer) -> Result<()> {
    let setup = Setup::new(global)?;
    let recipe = setup.recipe(&args.recipe)?;
    if let Some(what) = args.verify {
        return verify_build::run(what, args, &setup, renderer);
    }
    // Before the build: a key that does not open must not cost minutes.
    let signer = args.sign_key.as_deref().map(Signer::read).transpose()?;
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
    let signed = match &signer {
        Some(signer) => sign(&built.folder, signer)?,
        None => false,
    };
    renderer.finish(Summary {
        folder: &built.folder,
        outcome: built.outcome,
        critical_path: &built.critical_path,
    });
    if signed {
        renderer.note(&format!(
            "signed: {}",
            built.folder.join(SIGNATURE).display()
        ));
    }
    if args.snapshot {
        ready_snapshot::add(&built.folder, setup.project.root(), renderer)?;
    }
    Ok(())
}
