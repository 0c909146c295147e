//! A command of our own binary as a process, with the time at which it was started.
//!
//! It runs with `--json`, so that its error arrives whole.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use kindling_base::{Command, Context, Error, Failure, Result};
use kindling_launcher::timeline::now_ns;
use serde::Deserialize;
use tokio::process::Child as Process;

/// The beginnings of variables that decide how a command of ours behaves; it gets ours.
const PASSED_ON: [&str; 2] = ["KINDLING_", "XDG_"];

/// A command that runs; killed when this is dropped.
#[derive(Debug)]
pub(super) struct Child {
    process: Process,
    shown: String,
    /// The time of its start, in nanoseconds of CLOCK_MONOTONIC.
    pub(super) started_ns: u64,
}

impl Child {
    /// Starts `program` with these arguments.
    ///
    /// # Errors
    /// It cannot be started.
    pub(super) fn start(program: &Path, args: &[String]) -> Result<Self> {
        let mut command = Command::new(program).arg("--json").args(args);
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
    /// It failed, and the error is the one that it told; or it takes longer than `limit`.
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
        Err(failure(&output).note(format!("command: {shown}")))
    }
}

/// The error with which a command of ours ended.
fn failure(output: &Output) -> Error {
    let said = String::from_utf8_lossy(&output.stderr);
    let mut told = said.lines().filter_map(told);
    // The last one is how it ended; those before it are of other VMs of the same command.
    match told.next_back() {
        Some(last) => told.fold(last, |error, other| error.note(format!("also: {other}"))),
        None => {
            let error = Error::internal(format!("it ended without an error: {}", output.status));
            error.note(said.trim_end())
        }
    }
}

/// The error that a line of a command's events tells, if that is what it is.
fn told(line: &str) -> Option<Error> {
    #[derive(Deserialize)]
    struct Told {
        event: String,
        #[serde(flatten)]
        failure: Failure,
    }
    let told: Told = serde_json::from_str(line).ok()?;
    (told.event == "error").then(|| told.failure.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_base::Exit;
    use std::os::unix::process::ExitStatusExt;

    fn ended(stderr: &str) -> Error {
        failure(&Output {
            status: std::process::ExitStatus::from_raw(2 << 8),
            stdout: Vec::new(),
            stderr: stderr.into(),
        })
    }

    #[test]
    fn an_error_arrives_with_its_hint() {
        let error = ended(
            r#"{"event":"note","text":"error: not one"}
{"event":"error","exit":3,"report":"error: first","message":"first"}
{"event":"error","exit":2,"report":"x","message":"second","hint":"wait"}
"#,
        );
        assert_eq!(error.report(), "error: second\n  also: first\nhint: wait");
        assert_eq!(error.exit(), Exit::User);
    }

    #[test]
    fn an_end_without_an_error_is_quoted() {
        let report = ended("a panic\n").report();
        assert!(
            report.contains("a panic") && report.contains("exit status: 2"),
            "{report}"
        );
    }
}
