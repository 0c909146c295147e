//! `cargo xtask doctor`: what this machine has and lacks.

use kindling_base::{Context, Result};
use kindling_host::{self as host, HostPackage};

use super::setup::Setup;
use crate::cli::Global;

#[expect(clippy::print_stdout, reason = "the report is the command's data")]
pub(crate) fn run(global: &Global) -> Result<()> {
    let setup = Setup::new(global)?;
    println!("project  {}", setup.project.root().display());
    println!("store    {}", setup.store.root().display());
    let helper = std::env::current_exe().context("cannot find our own program")?;
    match kindling_sandbox::check(&helper, &setup.store.root().join("logs/doctor.log")) {
        Ok(()) => println!("build    namespaces can be made; nothing else is needed"),
        Err(error) => println!("build    {}", error.report()),
    }
    for (purpose, wanted) in [("run", &[host::QEMU][..]), ("test", host::TEST)] {
        let missing = host::missing(wanted);
        println!("{purpose:8} {}", describe(&missing));
    }
    Ok(())
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
