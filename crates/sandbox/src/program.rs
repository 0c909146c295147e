//! Programs that run with a folder as their root.

use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use kindling_base::{Context, Error, Result};
use serde::{Deserialize, Serialize};

use crate::stage::this_executable;

/// The variable that carries a [`Program`] to the process that becomes it.
pub(crate) const PROGRAM: &str = "KINDLING_SANDBOX_PROGRAM";

/// Lines of a program's output that an error shows.
const TAIL_LINES: usize = 20;

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
    /// Folders and files of the machine that it sees and cannot change.
    pub binds: Vec<Bind>,
    /// Files of ours that it finds in [`STAND_INS`]. With any, a library that the builder preloads is preloaded here too.
    pub stand_ins: Vec<StandIn>,
}

/// A folder or file of the machine that a program sees at a path of its root, read-only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bind {
    /// Its path on the machine.
    pub from: PathBuf,
    /// The path in the root; something of the same kind has to be there.
    pub at: PathBuf,
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
        let shown = self.argv.join(" ");
        let program = serde_json::to_string(self).map_err(|error| {
            Error::internal("cannot describe a sandboxed program").because(error)
        })?;
        let what = || format!("cannot write the log {}", log.display());
        let mut options = std::fs::File::options();
        options.create(true).read(true).append(true);
        let mut output = options.open(log).context(what())?;
        let start = output.seek(SeekFrom::End(0)).context(what())?;
        let mut command = this_executable("enter").env(PROGRAM, program).to_std();
        command
            .stdout(output.try_clone().context(what())?)
            .stderr(output.try_clone().context(what())?);
        let status = command
            .status()
            .context(format!("cannot start `{shown}` in the sandbox"))?;
        let mut printed = Vec::new();
        output
            .seek(SeekFrom::Start(start))
            .and_then(|_| output.read_to_end(&mut printed))
            .context(format!("cannot read {}", log.display()))?;
        let printed = String::from_utf8_lossy(&printed).into_owned();
        if status.success() {
            return Ok(printed);
        }
        let lines: Vec<&str> = printed.lines().collect();
        let tail = lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n");
        Err(
            Error::external(format!("`{shown}` failed in the sandbox: {status}"))
                .note(tail)
                .note(format!("whole log: {}", log.display())),
        )
    }
}
