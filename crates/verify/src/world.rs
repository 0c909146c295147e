//! The circumstances of builds: where and how they run.

use std::path::{Path, PathBuf};

use kindling_base::{Command, Error, Result};

use crate::user;

/// The name of the checkout in a world's folder.
pub(crate) const CHECKOUT: &str = "a checkout";
/// That of our own program.
pub(crate) const PROGRAM: &str = "kindling";
/// That of the folder in which bundles appear.
pub(crate) const OUT: &str = "out";

/// Where and how builds run.
#[derive(Debug, Default)]
pub(crate) struct World {
    /// The folder that holds the store and all else.
    pub(crate) folder: PathBuf,
    /// The same as builds see it.
    pub(crate) seen: PathBuf,
    /// The project's root, likewise.
    pub(crate) checkout: PathBuf,
    /// Our own program, likewise; `None` for where it is.
    pub(crate) program: Option<PathBuf>,
    /// The differences from an ordinary build, each for a person.
    pub(crate) varied: Vec<String>,
    /// Whether the builder is [`user::ID`].
    pub(crate) has_own_user: bool,
    /// Programs that start the shell that runs `setup`.
    pub(crate) wrappers: Vec<String>,
    /// Shell commands that come first.
    pub(crate) setup: String,
    /// Shell words that start the shell that builds, after `setup`.
    pub(crate) inside: String,
    /// Variables, with or without those of this process.
    pub(crate) environment: Vec<(&'static str, String)>,
    pub(crate) has_environment_of_its_own: bool,
}

impl World {
    /// As the user is, in the checkout.
    pub(crate) fn plain(folder: &Path, checkout: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
            seen: folder.to_owned(),
            checkout: checkout.to_owned(),
            ..Self::default()
        }
    }

    /// Makes its folder the user's, if another user builds: what was laid into it since.
    ///
    /// # Errors
    /// The folder cannot be read or changed.
    pub(crate) fn hand_over(&self) -> Result<()> {
        match self.has_own_user {
            true => user::own(&self.folder),
            false => Ok(()),
        }
    }

    pub(crate) fn description(&self) -> String {
        match self.varied.as_slice() {
            [] => "as this machine is".to_owned(),
            varied => varied.join(", "),
        }
    }

    pub(crate) fn store(&self) -> PathBuf {
        self.folder.join("store")
    }

    /// The folder of a recipe's bundle.
    pub(crate) fn bundle(&self, recipe: &str) -> PathBuf {
        self.folder.join(OUT).join(recipe)
    }

    /// Runs `program build-image ARGUMENTS` in the checkout for each of `builds`, with an output folder of this world.
    ///
    /// # Errors
    /// One of them failed.
    pub(crate) fn run(&self, program: &Path, builds: &[&[String]]) -> Result<()> {
        let program = self.program.as_deref().unwrap_or(program);
        let mut lines = format!("cd {}\n", quoted(&self.checkout));
        for arguments in builds {
            lines.push_str(&quoted(program));
            for argument in ["build-image"]
                .into_iter()
                .chain(arguments.iter().map(String::as_str))
            {
                lines.push(' ');
                lines.push_str(&quoted(argument.as_ref()));
            }
            let (out, store) = (self.seen.join(OUT), self.seen.join("store"));
            lines.push_str(&format!(
                " --locked --quiet --out {} --store {}\n",
                quoted(&out),
                quoted(&store)
            ));
        }
        let lines = quoted(lines.as_ref());
        let script = format!("{}\nexec {} sh -ec {lines}", self.setup, self.inside);
        let mut command = Command::new("env")
            .args(&self.wrappers)
            .args(["sh", "-ec", &script]);
        if !self.has_environment_of_its_own {
            for (name, value) in std::env::vars_os() {
                command = command.env(name, value);
            }
        }
        for (name, value) in &self.environment {
            command = command.env(name, value);
        }
        let output = command.output()?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let error = Error::external(format!("a build failed: {}", self.description()));
        Err(error.note(said.trim_end()))
    }
}

/// A path or another text as one word of a shell.
pub(crate) fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}
