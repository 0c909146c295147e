//! `cargo xtask test`: builds the bundles that are booted, then runs every test and counts.

use kindling_base::{Command, Error, Result, files, host};
use kindling_image::resolve::Policy;
use kindling_image::{Request, build};

use super::tidy::MANIFESTS;
use super::{cargo, setup::Setup};
use crate::cli::{Global, RecipeArgs, Test};
use crate::render::Renderer;
use crate::tally::Tally;

/// The recipes whose bundles the end-to-end tests boot.
const BOOTED: [&str; 2] = ["minimal-debian-12", "minimal-debian-12-direct"];

pub(crate) fn run(args: &Test, global: &Global, renderer: &dyn Renderer) -> Result<()> {
    let setup = Setup::new(global)?;
    let wanted = [&kindling_image::host::build(), kindling_image::host::TEST].concat();
    host::ensure(&wanted, !global.no_install, renderer)?;
    for recipe in BOOTED {
        build_bundle(recipe, &setup, renderer)?;
    }
    let log = setup.project.root().join("target/test.log");
    files::remove(&log)?;
    let mut tally = Tally::default();
    for manifest in MANIFESTS {
        let mut command = cargo_test(manifest, args)
            .directory(setup.project.root())
            .log(&log);
        for key in [
            "CARGO_HOME",
            "RUSTUP_HOME",
            "RUSTUP_TOOLCHAIN",
            "CARGO_TARGET_DIR",
            "KINDLING_STORE",
            "CI",
        ] {
            if let Some(value) = std::env::var_os(key) {
                command = command.env(key, value);
            }
        }
        let ended = command.stream(|line| {
            if let Some(shown) = tally.read(line) {
                renderer.note(shown);
            }
            Ok(())
        });
        tally.ended(ended.is_ok());
    }
    renderer.note(&tally.to_string());
    if tally.failed() {
        return Err(Error::user("some tests failed")
            .hint(format!("the whole output is in {}", log.display())));
    }
    Ok(())
}

fn build_bundle(recipe: &str, setup: &Setup, renderer: &dyn Renderer) -> Result<()> {
    let args = RecipeArgs {
        recipe: recipe.into(),
        mirrors: Vec::new(),
        allow_expired: false,
    };
    let request = Request {
        recipe: &setup.recipe(&args)?,
        out: &setup.project.out(),
        policy: Policy::Keep,
        sources: setup.sources(&args),
    };
    build(&request, renderer).map(drop)
}

/// Tests print `skipped: reason` where the machine lacks something; `--show-output` lets us see it.
fn cargo_test(manifest: &str, args: &Test) -> Command {
    let mut command = Command::new(cargo::program()).args([
        "test",
        "--release",
        "--locked",
        "--workspace",
        "--no-fail-fast",
        "--manifest-path",
        manifest,
    ]);
    if let Some(filter) = &args.filter {
        command = command.arg(filter);
    }
    command.args(["--", "--show-output"])
}
