//! The job that runs one program.

use std::path::{Path, PathBuf};

use kindling_base::{Error, Result, files};
use serde::{Deserialize, Serialize};

use crate::helper::perform;
use crate::job::{Job, Progress};
use crate::program::Program;

/// The job behind [`run`].
pub const RUN: Job = Job {
    name: "run",
    perform: run_here,
};

/// The input of the job.
#[derive(Debug, Serialize, Deserialize)]
struct Order {
    program: Program,
    log: PathBuf,
}

/// Runs a program in a sandbox of its own: it sees its root, no network and no other process.
///
/// `helper` is an executable whose `main` calls [`main_if_reexecuted`](crate::main_if_reexecuted) with [`RUN`], usually
/// `std::env::current_exe()`. Output goes to `log`.
///
/// # Errors
/// The program failed or the sandbox could not be made.
pub fn run(helper: &Path, program: &Program, log: &Path) -> Result<()> {
    let mut program = program.clone();
    program.root = files::absolute(&program.root)?;
    for bind in &mut program.binds {
        bind.from = files::absolute(&bind.from)?;
    }
    let order = Order {
        program,
        log: files::absolute(log)?,
    };
    let order = serde_json::to_vec(&order)
        .map_err(|error| Error::internal("cannot describe a sandboxed program").because(error))?;
    perform(helper, log, RUN, &order, |_| {})
}

fn run_here(input: &[u8], _: &Progress<'_>) -> Result<()> {
    let order: Order = serde_json::from_slice(input)
        .map_err(|error| Error::internal("cannot read the sandbox's job").because(error))?;
    order.program.run(&order.log).map(drop)
}
