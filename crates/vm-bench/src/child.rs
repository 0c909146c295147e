//! A command of our own binary as a process, with the time at which it was started.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use kindling_base::{Command, Context, Error, Result};
use tokio::process::Child as Process;

use kindling_launcher::timeline::now_ns;

/// Variables that say how a command of ours behaves: it gets those that we have.
const PASSED_ON: [&str; 2] = ["KINDLING_", "XDG_"];

/// A command that runs; killed when this is dropped.
#[derive(Debug)]
pub(super) struct Child {
    process: Process,
    shown: String,
    /// When it was started, in nanoseconds of CLOCK_MONOTONIC.
    pub(super) started_ns: u64,
}

impl Child {
    /// Starts `program` with these arguments.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn start(program: &Path, args: &[String]) -> Result<Self> {
        let mut command = Command::new(program).args(args);
        for (key, value) in std::env::vars_os() {
            let name = key.to_string_lossy();
            if PASSED_ON.iter().any(|prefix| name.starts_with(prefix)) {
                command = command.env(&key, value);
            }
        }
        let mut process = command.to_std();
        process.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut process = tokio::process::Command::from(process);
        process.kill_on_drop(true);
        let started_ns = now_ns();
        let process = process
            .spawn()
            .context(format!("cannot start {}", program.display()))?;
        Ok(Self {
            process,
            shown: format!("kindling {}", args.join(" ")),
            started_ns,
        })
    }

    /// Waits for its end, which has to be a good one; returns when it was, in nanoseconds of CLOCK_MONOTONIC.
    ///
    /// # Errors
    /// It failed, and the error is its own; or it takes longer than `limit`.
    pub(super) async fn end(self, limit: Duration) -> Result<u64> {
        let shown = self.shown;
        let output = tokio::time::timeout(limit, self.process.wait_with_output()).await;
        let ended_ns = now_ns();
        let output = output.map_err(|_| {
            Error::external(format!(
                "`{shown}` did not end within {} s",
                limit.as_secs()
            ))
        })?;
        let output = output.context(format!("cannot wait for `{shown}`"))?;
        if output.status.success() {
            return Ok(ended_ns);
        }
        let said = String::from_utf8_lossy(&output.stderr);
        // Notes that came before the error are no part of it.
        let report = said
            .split_once("error: ")
            .map_or(&*said, |(_, report)| report);
        let (message, rest) = report.trim_end().split_once('\n').unwrap_or((report, ""));
        let error = match output.status.code() {
            Some(2) => Error::user(message.trim_end()),
            Some(1) => Error::internal(message.trim_end()),
            _ => Error::external(message.trim_end()),
        };
        let error = error.note(format!("command: {shown}"));
        Err(if rest.is_empty() {
            error
        } else {
            error.note(rest.to_owned())
        })
    }
}
