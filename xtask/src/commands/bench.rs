//! `cargo xtask bench`.

use kindling_base::{Context, Error, Result, files};
use kindling_host as host;
use kindling_image::resolve::Policy;
use kindling_image::{Built, Prepared, Request, build};

use super::setup::Setup;
use crate::cli::{Bench, Global, RecipeArgs};
use crate::render::Renderer;

pub(crate) fn run(what: &Bench, global: &Global, renderer: &dyn Renderer) -> Result<()> {
    let setup = Setup::new(global)?;
    host::ensure(host::TEST, !global.no_install, renderer)?;
    let (Bench::Ext4(args) | Bench::Build(args)) = what;
    let rounds = usize::from(args.rounds);
    let recipe = RecipeArgs::named(&args.recipe);
    let built = prepare(&recipe, &setup, renderer)?;
    let folder = setup.project.root().join("target/bench");
    files::create_dir_all(&folder)?;
    let mut progress = |what: &str| renderer.note(what);
    let text = match what {
        Bench::Ext4(_) => {
            let tree = built.plan.packages[0].result(&setup.store);
            let tree = tree.ok_or_else(|| {
                Error::user("the store no longer has the tree of the packages").hint(format!(
                    "build it again: remove {} first",
                    built.folder.display()
                ))
            })?;
            let tar = tree.join(kindling_debian_root::TREE);
            kindling_ext4_bench::run(&tar, &folder, rounds, &mut progress)?.to_string()
        }
        Bench::Build(_) => {
            let sources = setup.sources(&recipe);
            let path = setup.recipe(&recipe)?;
            let prepared = Prepared::new(&path, Policy::Frozen, &sources, renderer)?;
            let subject = kindling_build_bench::Subject {
                program: &std::env::current_exe().context("cannot find our own program")?,
                project: &setup.project,
                store: &setup.store,
                locked: &prepared.locked,
                plan: &prepared.plan,
                image_bytes: built.manifest.rootfs.artifact.size,
            };
            kindling_build_bench::run(&subject, &folder, rounds, &mut progress)?.to_string()
        }
    };
    renderer.data(text.trim_end());
    Ok(())
}

/// Everything that is to be at hand.
fn prepare(recipe: &RecipeArgs, setup: &Setup, renderer: &dyn Renderer) -> Result<Built> {
    let request = Request {
        recipe: &setup.recipe(recipe)?,
        out: &setup.project.out(),
        policy: Policy::Frozen,
        sources: setup.sources(recipe),
    };
    build(&request, renderer)
}
