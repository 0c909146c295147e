//! The job that runs one program.

use std::io::{BufRead, BufReader, PipeReader, Write};
use std::path::Path;
use std::process::Stdio;

use kindling_base::{Context, Error, Result, files};

use crate::helper::perform_printing;
use crate::job::{Job, Progress};
use crate::program::{Program, with_tail};

/// The job behind [`run`].
pub const RUN: Job = Job {
    name: "run",
    perform: run_here,
};

/// Runs a program in a sandbox of its own: it sees its root, no network and no other process.
///
/// `helper` is an executable whose `main` calls [`main_if_reexecuted`](crate::main_if_reexecuted) with [`RUN`], usually
/// `std::env::current_exe()`. What it prints is added to `log`, and `line` gets each line of it without its end.
///
/// # Errors
/// The program failed or the sandbox could not be made; the error shows the end of what the program printed.
pub fn run(
    helper: &Path,
    program: &Program,
    log: &Path,
    line: impl FnMut(&str) + Send,
) -> Result<()> {
    let mut program = program.clone();
    program.root = files::absolute(&program.root)?;
    for bind in &mut program.binds {
        bind.from = files::absolute(&bind.from)?;
    }
    let log = &files::absolute(log)?;
    let order = serde_json::to_vec(&program)
        .map_err(|error| Error::internal("cannot describe a sandboxed program").because(error))?;
    if let Some(folder) = log.parent() {
        files::create_dir_all(folder)?;
    }
    let (reader, writer) = std::io::pipe().context("cannot make a pipe")?;
    std::thread::scope(|scope| {
        let following = scope.spawn(|| follow(reader, log, line));
        let ran = perform_printing(helper, (Stdio::from(writer), log), RUN, &order, |_| {});
        let printed = match following.join() {
            Ok(printed) => printed?,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        ran.map_err(|error| with_tail(error, printed.iter().map(String::as_str), log))
    })
}

/// Copies lines into the log until nobody can print any more; returns the last ones.
fn follow(from: PipeReader, log: &Path, mut line: impl FnMut(&str)) -> Result<Vec<String>> {
    let what = || format!("cannot write the log {}", log.display());
    let mut log_file = std::fs::File::options();
    let mut log_file = log_file
        .create(true)
        .append(true)
        .open(log)
        .context(what())?;
    let mut from = BufReader::new(from);
    let mut last = std::collections::VecDeque::new();
    let mut bytes = Vec::new();
    loop {
        bytes.clear();
        let read = from.read_until(b'\n', &mut bytes);
        if read.context("cannot read what a sandboxed program prints")? == 0 {
            return Ok(last.into());
        }
        log_file.write_all(&bytes).context(what())?;
        let text = String::from_utf8_lossy(&bytes);
        let text = text.trim_end_matches('\n');
        line(text);
        last.push_back(text.to_owned());
        if last.len() > crate::program::TAIL_LINES {
            last.pop_front();
        }
    }
}

fn run_here(input: &[u8], _: &Progress<'_>) -> Result<()> {
    let program: Program = serde_json::from_slice(input)
        .map_err(|error| Error::internal("cannot read the sandbox's job").because(error))?;
    // It prints where the helper does: into the builder's pipe.
    program.end(|command| {
        let printed = std::io::stdout();
        let printed = rustix::io::dup(&printed).context("cannot share the sandbox's output")?;
        command.stderr(Stdio::from(printed));
        Ok(())
    })
}
