//! `cargo xtask doctor`: what this machine has and lacks.

use std::collections::BTreeSet;

use kindling_base::{Context, Result};
use kindling_host::{self as host, HostPackage};

use super::setup::Setup;
use crate::cli::{DEFAULT_RECIPE, Global, RecipeArgs};
use crate::render::words::size;

/// Bytes that the first build of the default recipe leaves in the store and needs on the way.
const FIRST_BUILD: u64 = 6 << 30;

#[expect(clippy::print_stdout, reason = "the report is the command's data")]
pub(crate) fn run(global: &Global) -> Result<()> {
    let setup = Setup::new(global)?;
    println!("project  {}", setup.project.root().display());
    println!("store    {}", setup.store.root().display());
    println!("disk     {}", disk(&setup)?);
    let helper = std::env::current_exe().context("cannot find our own program")?;
    match kindling_sandbox::check(&helper, &setup.store.root().join("logs/doctor.log")) {
        Ok(()) => println!("build    namespaces can be made; no program of this machine is needed"),
        Err(error) => println!("build    {}", error.report()),
    }
    println!("mirrors  {}", mirrors(&setup)?);
    for (purpose, wanted) in [("run", &[host::QEMU][..]), ("test", host::TEST)] {
        let missing = host::missing(wanted);
        println!("{purpose:8} {}", describe(&missing));
    }
    Ok(())
}

/// The room for the store.
fn disk(setup: &Setup) -> Result<String> {
    let root = setup.store.root();
    let what = || format!("cannot ask for the file system of {}", root.display());
    let room = rustix::fs::statvfs(root).context(what())?;
    let free = room.f_bavail * room.f_frsize;
    Ok(match free < FIRST_BUILD {
        false => format!("{} are free", size(free)),
        true => format!(
            "{} are free: a first build takes {}. `cargo xtask gc` makes room, `--store` or KINDLING_STORE names another place",
            size(free),
            size(FIRST_BUILD)
        ),
    })
}

/// Whether it is known where the suites of the default recipe and of the build tools are.
fn mirrors(setup: &Setup) -> Result<String> {
    let args = RecipeArgs::named(DEFAULT_RECIPE);
    let recipe = kindling_recipe::load(&setup.recipe(&args)?)?;
    let mut suites = BTreeSet::new();
    let distribution = &recipe.image.distribution.value;
    suites.extend(
        recipe
            .rootfs
            .suites
            .iter()
            .map(|suite| (distribution.clone(), suite.value.clone())),
    );
    for list in [kindling_image::tools::LINUX, kindling_image::tools::RUST] {
        let tools =
            kindling_recipe::tools::load(&setup.project.tools().join(format!("{list}.toml")))?;
        suites.extend(
            tools
                .suites
                .iter()
                .map(|suite| (tools.distribution.value.clone(), suite.value.clone())),
        );
    }
    let mirrors = kindling_image::resolve::mirrors(&recipe, &setup.sources(&args))?;
    let unknown = suites
        .iter()
        .find_map(|(distribution, suite)| mirrors.urls(distribution, suite).err());
    let names: Vec<&str> = suites.iter().map(|(_, suite)| suite.as_str()).collect();
    Ok(match unknown {
        None => format!("known for {}", names.join(", ")),
        Some(error) => error.report(),
    })
}

fn describe(missing: &[&HostPackage]) -> String {
    if missing.is_empty() {
        return "every host package is there".into();
    }
    let names: Vec<String> = missing
        .iter()
        .map(|package| format!("{} ({})", package.name, package.reason))
        .collect();
    format!("missing: {}", names.join(", "))
}
