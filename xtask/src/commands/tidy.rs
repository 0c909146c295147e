//! `cargo xtask tidy`: formatting, lints and documentation, in every workspace of the checkout.

use kindling_base::{Error, Result};
use xshell::{Shell, cmd};

use super::cargo;
use crate::render::Renderer;

/// Manifests of the workspaces: the main one, and those of the guest: PID 1, which is `no_std`, and the agent.
pub(super) const MANIFESTS: [&str; 3] = [
    "Cargo.toml",
    "initramfs/Cargo.toml",
    "crates/agent/Cargo.toml",
];

pub(crate) fn run(renderer: &dyn Renderer) -> Result<()> {
    let shell = cargo::shell()?;
    for manifest in MANIFESTS {
        renderer.note(&format!("checking {manifest}"));
        let cargo = cargo::program();
        check(cmd!(
            shell,
            "{cargo} fmt --manifest-path {manifest} --all -- --check"
        ))?;
        check(cmd!(
            shell,
            "{cargo} clippy --quiet --release --locked --manifest-path {manifest} --workspace --all-targets -- -D warnings"
        ))?;
        document(&shell, manifest)?;
    }
    renderer.note("formatting, lints and documentation are in order");
    Ok(())
}

fn document(shell: &Shell, manifest: &str) -> Result<()> {
    let _flags = shell.push_env("RUSTDOCFLAGS", "-D warnings");
    let cargo = cargo::program();
    check(cmd!(
        shell,
        "{cargo} doc --quiet --release --locked --manifest-path {manifest} --workspace --no-deps"
    ))
}

fn check(command: xshell::Cmd<'_>) -> Result<()> {
    let line = command.to_string();
    command.quiet().run().map_err(|error| {
        Error::external(format!("`{line}` found something"))
            .because(error)
            .hint("mend what it says above")
    })
}
