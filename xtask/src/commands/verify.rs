//! `cargo xtask verify`.

use kindling_base::Result;

use super::{rebuild, thorough};
use crate::cli::{Global, Verify};
use crate::render::Renderer;

pub(crate) fn run(args: &Verify, global: &Global, renderer: &dyn Renderer) -> Result<()> {
    if args.thorough.thorough.is_some() {
        return thorough::run(&args.thorough, global, renderer);
    }
    let manifest = kindling_bundle::load(&args.bundle)?;
    kindling_bundle::verify(&args.bundle, &manifest)?;
    if let Some(key) = &args.pubkey {
        kindling_bundle::verify_signature(&args.bundle, key)?;
        renderer.note(&format!("{}: signed with this key", args.bundle.display()));
    }
    renderer.note(&format!(
        "{}: every file is as it was built",
        args.bundle.display()
    ));
    match args.rebuild {
        Some(what) => rebuild::run(what, &args.bundle, global, renderer),
        None => Ok(()),
    }
}
