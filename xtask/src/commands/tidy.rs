//! `cargo xtask tidy`: formatting, lints, documentation, the rules of the house, the fuzz targets, and what may enter
//! `Cargo.lock`, in every workspace of the checkout.

use std::path::Path;

use kindling_base::{Command, Error, Result};
use kindling_host::{self as host, HostPackage, Proof};
use xshell::{Shell, cmd};

use super::tools::{DENY, HAKARI};
use super::{WORKSPACES, cargo};
use crate::cli::Global;
use crate::render::Renderer;
use crate::rules;

/// The workspace that only `cargo fuzz` runs.
const FUZZ: &str = "fuzz/Cargo.toml";

/// libFuzzer, which the fuzz targets are linked with, is written in C++.
const COMPILER: &[HostPackage] = &[HostPackage {
    name: "g++",
    proof: Proof::Program("c++"),
    reason: "to compile the fuzz targets",
}];

pub(crate) fn run(global: &Global, renderer: &dyn Renderer) -> Result<()> {
    rules::check(&cargo::root())?;
    host::ensure(COMPILER, !global.no_install, renderer)?;
    let shell = cargo::shell()?;
    for manifest in WORKSPACES {
        renderer.note(&format!("checking {manifest}"));
        compile(&shell, manifest)?;
    }
    let deny = DENY.find(renderer)?;
    for manifest in WORKSPACES {
        renderer.note(&format!("checking what {manifest} depends on"));
        dependencies(&shell, &deny, manifest)?;
    }
    advisories(&shell, &deny, renderer)?;
    let hakari = HAKARI.find(renderer)?;
    // `cargo hakari generate` mends a difference.
    check(cmd!(shell, "{hakari} hakari generate --diff"))?;
    renderer.note("formatting, lints, documentation, rules and dependencies are in order");
    Ok(())
}

/// Formatting and lints; documentation where there is some, or a whole build where nothing else makes one.
fn compile(shell: &Shell, manifest: &str) -> Result<()> {
    let cargo = cargo::program();
    check(cmd!(
        shell,
        "{cargo} fmt --manifest-path {manifest} --all -- --check"
    ))?;
    let profile: &[&str] = if manifest == FUZZ {
        &[]
    } else {
        &["--release"]
    };
    check(cmd!(
        shell,
        "{cargo} clippy --quiet {profile...} --locked --manifest-path {manifest} --workspace --all-targets -- -D warnings"
    ))?;
    if manifest == FUZZ {
        return check(cmd!(
            shell,
            "{cargo} build --quiet --locked --manifest-path {manifest}"
        ));
    }
    let _flags = shell.push_env("RUSTDOCFLAGS", "-D warnings");
    check(cmd!(
        shell,
        "{cargo} doc --quiet --release --locked --manifest-path {manifest} --workspace --no-deps"
    ))
}

/// Licences, sources and bans of `deny.toml`.
fn dependencies(shell: &Shell, deny: &Path, manifest: &str) -> Result<()> {
    check(cmd!(
        shell,
        "{deny} --log-level error --locked --manifest-path {manifest} check bans licenses sources"
    ))
}

/// Known flaws of dependencies, where the database of them can be had.
fn advisories(shell: &Shell, deny: &Path, renderer: &dyn Renderer) -> Result<()> {
    let fetch = Command::new(deny)
        .args(["fetch", "db"])
        .directory(cargo::root())
        .inherit();
    if fetch.run().is_err() {
        renderer.note("advisories are not checked: their database, a git repository, cannot be fetched from here");
        return Ok(());
    }
    for manifest in WORKSPACES {
        check(cmd!(
            shell,
            "{deny} --log-level error --locked --manifest-path {manifest} check --disable-fetch advisories"
        ))?;
    }
    Ok(())
}

fn check(command: xshell::Cmd<'_>) -> Result<()> {
    let line = command.to_string();
    command.quiet().run().map_err(|error| {
        Error::external(format!("`{line}` found something"))
            .because(error)
            .hint("mend what it says above")
    })
}
