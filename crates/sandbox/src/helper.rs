//! The builder's side: starts the helper, gives it a job and follows what it does.

use std::io::{BufRead, BufReader};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::Stdio;

use kindling_base::{Command, Context, Error, Result, cancel, files};

use crate::ids;
use crate::job::Job;
use crate::stage::STAGE;
use crate::wire::{Message, send_job};

/// Does a job in a sandbox; `progress` gets what the job reports.
///
/// `helper` is an executable whose `main` calls [`main_if_reexecuted`](crate::main_if_reexecuted) with this job, usually
/// `std::env::current_exe()`. `log` gets what the helper's programs print.
///
/// # Errors
/// The job failed or the sandbox could not be made.
pub fn perform(
    helper: &Path,
    log: &Path,
    job: Job,
    input: &[u8],
    progress: impl FnMut(u64),
) -> Result<()> {
    perform_printing(helper, (Stdio::null(), log), job, input, progress)
}

/// As [`perform`]; what the helper's programs print goes to `printed`, complaints of the helper itself to the log.
pub(crate) fn perform_printing(
    helper: &Path,
    (printed, log): (Stdio, &Path),
    job: Job,
    input: &[u8],
    mut progress: impl FnMut(u64),
) -> Result<()> {
    let what = || format!("cannot start the sandbox helper {}", helper.display());
    let (ours, theirs) = UnixStream::pair().context(what())?;
    if let Some(folder) = log.parent() {
        files::create_dir_all(folder)?;
    }
    let mut options = std::fs::File::options();
    let stderr = options.create(true).append(true).open(log);
    let stderr = stderr.context(format!("cannot write the log {}", log.display()))?;
    let mut command = Command::new(helper).env(STAGE, "outer").to_std();
    command
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(printed)
        .stderr(stderr);
    let mut child = command.spawn().context(what())?;
    let _ends = cancel::end_with_us(child.id());
    drop(command); // holds their end: we would never see it close
    let result = converse(&ours, child.id(), (job.name, input), &mut progress);
    if result.is_err() {
        let _ = child.kill(); // inner and all of its children die with it
    }
    let status = child.wait().context(what())?;
    match result {
        Ok(true) => Ok(()),
        Ok(false) => Err(
            Error::internal(format!("the sandbox helper ended early: {status}"))
                .note(format!("whole log: {}", log.display())),
        ),
        Err(error) => Err(error),
    }
}

/// Talks to the helper until it is done (`true`) or gone (`false`).
fn converse(
    socket: &UnixStream,
    helper: u32,
    (job, input): (&str, &[u8]),
    progress: &mut impl FnMut(u64),
) -> Result<bool> {
    let what = "cannot talk to the sandbox helper";
    let mut lines = BufReader::new(socket);
    let mut line = String::new();
    loop {
        line.clear();
        if lines.read_line(&mut line).context(what)? == 0 {
            return Ok(false);
        }
        let message =
            serde_json::from_str(&line).map_err(|error| Error::internal(what).because(error))?;
        match message {
            Message::Unshared => {
                if !rustix::process::getuid().is_root() {
                    ids::map(helper)?;
                }
                send_job(socket, job, input).context(what)?;
            }
            Message::Progress(done) => progress(done),
            Message::Done => return Ok(true),
            Message::Failed(failure) => return Err(failure.into()),
        }
    }
}
