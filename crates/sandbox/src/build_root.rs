//! A folder of build tools as the root of a build: the same paths, names and environment on every machine.

use std::path::{Path, PathBuf};

use kindling_base::Result;

use crate::program::{Bind, Program};
use crate::run::run;

/// The path of the build's own folder, which it may write to.
pub const BUILD: &str = "/build";

/// Tools, and the executable that is the sandbox's helper.
#[derive(Clone, Debug)]
pub struct BuildRoot {
    tools: PathBuf,
    helper: PathBuf,
}

/// A program of the tools, and what it works on.
#[derive(Clone, Debug)]
pub struct Order<'a> {
    /// Its name and arguments.
    pub argv: Vec<String>,
    /// Variables besides `PATH`, `HOME`, `LC_ALL` and `TZ`.
    pub env: Vec<(String, String)>,
    /// The machine's folder that is at [`BUILD`].
    pub build: &'a Path,
    /// The folder in which it starts, `linux` for `/build/linux`; empty for [`BUILD`] itself.
    pub folder: &'a str,
}

impl BuildRoot {
    /// The tools in a folder, which has `build`, `dev`, `proc` and `tmp`. `helper` is as for [`run`].
    pub fn new(tools: PathBuf, helper: PathBuf) -> Self {
        Self { tools, helper }
    }

    /// Runs a program of the tools: without a network, with nothing of the machine but what `order` names, and with no way to
    /// change the tools. It prints into `log`; `line` gets each line.
    ///
    /// # Errors
    /// As [`run`].
    pub fn run(&self, order: &Order<'_>, log: &Path, line: impl FnMut(&str) + Send) -> Result<()> {
        let own = Bind {
            from: order.build.to_owned(),
            at: BUILD.into(),
            writable: true,
        };
        // What a program may look at and a machine decides: always the same.
        let fixed = [
            ("PATH", "/usr/bin"),
            ("HOME", BUILD),
            ("LC_ALL", "C.UTF-8"),
            ("TZ", "UTC"),
        ];
        let fixed = fixed.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let program = Program {
            root: self.tools.clone(),
            argv: order.argv.clone(),
            env: fixed.into_iter().chain(order.env.iter().cloned()).collect(),
            folder: Some(Path::new(BUILD).join(order.folder)),
            binds: vec![own],
            read_only: true,
            stand_ins: Vec::new(),
        };
        run(&self.helper, &program, log, line)
    }
}
