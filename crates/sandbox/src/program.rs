//! Programs that run with a folder as their root.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use kindling_base::{Context, Error, Result};
use serde::{Deserialize, Serialize};

use crate::stage::this_executable;

/// The variable that carries a [`Program`] to the process that becomes it.
pub(crate) const PROGRAM: &str = "KINDLING_SANDBOX_PROGRAM";

/// Lines of a program's output that an error shows.
pub(crate) const TAIL_LINES: usize = 20;

/// The folder of the root in which stand-ins are, in a file system of their own that ends with the program.
pub const STAND_INS: &str = "/dev/.kindling";

/// A program, and what it sees.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Program {
    /// The folder of the machine that becomes its root.
    pub root: PathBuf,
    /// Its name and arguments.
    pub argv: Vec<String>,
    /// Its whole environment.
    pub env: Vec<(String, String)>,
    /// The folder of the root in which it starts; unset, it is `/`.
    pub folder: Option<PathBuf>,
    /// Folders and files of the machine that it sees.
    pub binds: Vec<Bind>,
    /// Whether it can change nothing of its root: it may write to binds that are writable, and to `/tmp`, which ends with it.
    pub read_only: bool,
    /// Files of ours that it finds in [`STAND_INS`]. A library that the builder preloads is among them, and preloaded.
    pub stand_ins: Vec<StandIn>,
}

/// A folder or file of the machine that a program sees at a path of its root.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// Its path on the machine.
    pub from: PathBuf,
    /// The path in the root; something of the same kind has to be there.
    pub at: PathBuf,
    /// Whether the program may change it.
    pub writable: bool,
}

/// A file that stands in for one of the root while a program runs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StandIn {
    /// Its name in [`STAND_INS`].
    pub name: String,
    /// Its content.
    pub content: String,
    /// Its mode: `0o755` of a program.
    pub mode: u32,
    /// Paths of the root that it lies over, where regular files are there.
    pub over: Vec<PathBuf>,
}

impl Program {
    /// Runs the program and returns what it printed. Only a job may call this: process 1 of the sandbox.
    ///
    /// It prints straight into the log and not into a pipe, which a daemon that it leaves behind would keep open.
    ///
    /// # Errors
    /// It could not be started or failed; the error shows the end of its output and names the log.
    pub fn run(&self, log: &Path) -> Result<String> {
        let what = || format!("cannot write the log {}", log.display());
        let mut options = std::fs::File::options();
        options.create(true).read(true).append(true);
        let mut output = options.open(log).context(what())?;
        let start = output.seek(SeekFrom::End(0)).context(what())?;
        let ended = self.end(|command| {
            command
                .stdout(output.try_clone().context(what())?)
                .stderr(output.try_clone().context(what())?);
            Ok(())
        });
        let mut printed = Vec::new();
        output
            .seek(SeekFrom::Start(start))
            .and_then(|_| output.read_to_end(&mut printed))
            .context(format!("cannot read {}", log.display()))?;
        let printed = String::from_utf8_lossy(&printed).into_owned();
        match ended {
            Ok(()) => Ok(printed),
            Err(error) => Err(with_tail(error, printed.lines(), log)),
        }
    }

    /// Starts the program, after `set_up`, and waits for its end. Only a job may call this.
    ///
    /// # Errors
    /// It could not be started or failed.
    pub(crate) fn end(
        &self,
        set_up: impl FnOnce(&mut std::process::Command) -> Result<()>,
    ) -> Result<()> {
        let shown = self.argv.join(" ");
        let program = serde_json::to_string(self).map_err(|error| {
            Error::internal("cannot describe a sandboxed program").because(error)
        })?;
        let mut command = this_executable("enter").env(PROGRAM, program).to_std();
        set_up(&mut command)?;
        let status = command
            .status()
            .context(format!("cannot start `{shown}` in the sandbox"))?;
        if status.success() {
            return Ok(());
        }
        Err(Error::external(format!(
            "`{shown}` failed in the sandbox: {status}"
        )))
    }
}

/// Adds the end of what a program printed, and where all of it is.
pub(crate) fn with_tail<'a>(
    error: Error,
    printed: impl Iterator<Item = &'a str>,
    log: &Path,
) -> Error {
    let lines: Vec<&str> = printed.collect();
    if lines.is_empty() {
        return error;
    }
    let tail = lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n");
    error
        .note(tail)
        .note(format!("whole log: {}", log.display()))
}
