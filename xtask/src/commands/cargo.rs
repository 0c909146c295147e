//! Cargo, run in the checkout.

use std::ffi::OsString;
use std::path::PathBuf;

use kindling_base::{Command, Error, Result};
use xshell::Shell;

/// The cargo that runs us, so that a toolchain chosen with `cargo +name` stays chosen.
pub(crate) fn program() -> OsString {
    std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into())
}

/// Passes on where the toolchain and its results are.
pub(crate) fn pass_environment(command: Command) -> Command {
    pass(
        command,
        &[
            "CARGO_HOME",
            "RUSTUP_HOME",
            "RUSTUP_TOOLCHAIN",
            "CARGO_TARGET_DIR",
        ],
    )
}

/// Passes on these variables, where they are set.
pub(super) fn pass(command: Command, keys: &[&str]) -> Command {
    keys.iter()
        .fold(command, |command, key| match std::env::var_os(key) {
            Some(value) => command.env(key, value),
            None => command,
        })
}

/// A shell whose current folder is the checkout.
pub(super) fn shell() -> Result<Shell> {
    let failed =
        |error: xshell::Error| Error::internal("cannot use the checkout's folder").because(error);
    let shell = Shell::new().map_err(failed)?;
    shell.change_dir(root());
    Ok(shell)
}

/// The checkout this program was built from.
pub(super) fn root() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().map_or(here.clone(), PathBuf::from)
}
