//! `cargo xtask build-image --snapshot`: boots the bundle that was built and saves it, ready, beside its files.
//!
//! The launcher does it, as the program that a person would call: the builder knows nothing of machines.

use std::path::Path;

use kindling_base::{Command, Context, Error, Result};

use super::cargo;
use crate::render::Renderer;

/// The VM's name, of which nobody hears.
const VM: &str = "ready";

/// Adds a snapshot to the bundle in `folder`, in the checkout `root`.
pub(crate) fn add(folder: &Path, root: &Path, renderer: &dyn Renderer) -> Result<()> {
    let build = Command::new(cargo::program()).args([
        "build",
        "--release",
        "--locked",
        "--package",
        "kindling",
    ]);
    cargo::pass_environment(build.directory(root)).run()?;
    let target = std::env::current_exe().context("cannot find our own program")?;
    let kindling = target.with_file_name("kindling");
    // On the bundle's disk, so that the snapshot shares its files by name.
    let out = folder
        .parent()
        .ok_or_else(|| Error::internal("a bundle has no parent folder"))?;
    let state = tempfile::Builder::new()
        .prefix(".snapshot-")
        .tempdir_in(out)
        .context(format!("cannot make a folder in {}", out.display()))?;
    let call = |args: &[&str]| {
        let command = Command::new(&kindling).args(args);
        command.env("KINDLING_STATE", state.path())
    };
    let bundle = folder.to_string_lossy();
    // No privileges, and resumed on a bridge as well as without one.
    let mode = if kindling_bundle::load(folder)?.machine.network {
        "user"
    } else {
        "none"
    };
    renderer.note("snapshot: booting the bundle");
    let run = ["run", &bundle, "--detach", "--name", VM, "--network", mode];
    call(&run).run()?;
    let saved = call(&["snapshot", VM, "--with-bundle"]).run();
    let removed = call(&["rm", "--force", VM]).run();
    let name = saved?.text().trim().to_owned();
    removed?;
    renderer.note(&format!(
        "snapshot: {}",
        folder.join("snapshots").join(name).display()
    ));
    Ok(())
}
