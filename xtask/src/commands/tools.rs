//! Programs that a Rust toolchain lacks: found in PATH, or else compiled once into `target/tools`.

use std::path::PathBuf;

use kindling_base::{Command, Result};
use kindling_host as host;

use super::cargo;
use crate::render::Renderer;

/// A program that the registry of cargo has.
pub(super) struct Tool {
    name: &'static str,
    version: &'static str,
    /// Arguments of `cargo install`.
    options: &'static [&'static str],
    /// The time that compiling takes, measured on two processors, for a person who waits.
    takes: &'static str,
}

/// Runs tests and reports how long each took. Without its features it cannot replace itself by a newer one.
pub(super) const NEXTEST: Tool = Tool {
    name: "cargo-nextest",
    version: "0.9.122",
    options: &["--no-default-features", "--features", "default-no-update"],
    takes: "two minutes",
};

/// Checks licences, sources and advisories of dependencies.
pub(super) const DENY: Tool = Tool {
    name: "cargo-deny",
    version: "0.20.2",
    options: &[],
    takes: "a minute",
};

/// Builds the book. Without its features it has no server and watches no files.
pub(super) const MDBOOK: Tool = Tool {
    name: "mdbook",
    version: "0.5.4",
    options: &["--no-default-features", "--features", "search"],
    takes: "a minute",
};

/// Keeps the features of dependencies the same in every part of the workspace.
pub(super) const HAKARI: Tool = Tool {
    name: "cargo-hakari",
    version: "0.9.39",
    options: &[],
    takes: "a minute",
};

impl Tool {
    /// The program, compiled if this machine lacks it.
    ///
    /// # Errors
    /// It does not compile, or the registry cannot be reached.
    pub(super) fn find(&self, renderer: &dyn Renderer) -> Result<PathBuf> {
        if let Some(program) = host::find(self.name) {
            return Ok(program);
        }
        let tools = cargo::root().join("target/tools");
        let root = tools.join(format!("{}-{}", self.name, self.version));
        let program = root.join("bin").join(self.name);
        if !program.exists() {
            let (name, version, takes) = (self.name, self.version, self.takes);
            renderer.note(&format!(
                "compiling {name} {version} into target/tools; this takes {takes}, once"
            ));
            self.install(&root, &tools)?;
        }
        Ok(program)
    }

    /// Unoptimised and without debug information: compiling it costs more than it ever runs.
    fn install(&self, root: &std::path::Path, tools: &std::path::Path) -> Result<()> {
        let built = tools.join("build");
        let command = Command::new(cargo::program())
            .args(["install", "--locked", "--debug", self.name])
            .args(["--version", self.version])
            .args(self.options)
            .arg("--root")
            .arg(root)
            .env("CARGO_PROFILE_DEV_DEBUG", "0")
            .log(tools.join(format!("{}.log", self.name)));
        cargo::pass_environment(command)
            .env("CARGO_TARGET_DIR", &built)
            .stream(|_| Ok(()))
            .map_err(|error| {
                error.hint(format!(
                    "install {} by hand, so that it is in PATH, and try again",
                    self.name
                ))
            })?;
        kindling_base::files::remove(&built)
    }
}
