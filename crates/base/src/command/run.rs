//! Running a program to its end: all its output at once or line by line, and the error of one that fails.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};

use super::Command;
use crate::{Context, Error, Result, cancel};

/// Lines of output shown when a program fails.
const TAIL_LINES: usize = 20;

/// The exit status and the output of a program that has ended.
#[derive(Debug)]
pub struct Output {
    /// The exit code or signal.
    pub status: ExitStatus,
    /// Standard output.
    pub stdout: Vec<u8>,
    /// Standard error.
    pub stderr: Vec<u8>,
}

impl Output {
    /// Standard output as text, invalid UTF-8 replaced, without the last newline.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout)
            .trim_end_matches('\n')
            .to_owned()
    }
}

impl Command {
    /// Runs it to the end and returns what it printed, whatever its exit code.
    ///
    /// # Errors
    /// It could not be started.
    pub fn output(&self) -> Result<Output> {
        let mut command = self.dying_with_us();
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().map_err(|error| self.not_started(error))?;
        let _ends = cancel::end_with_us(child.id());
        let output = child
            .wait_with_output()
            .context(format!("cannot wait for `{}`", self.display()))?;
        Ok(Output {
            status: output.status,
            stdout: output.stdout,
            stderr: output.stderr,
        })
    }

    /// Runs it to the end. A failure's error shows the command line and the last lines of the output; the whole output
    /// is then appended to the log, if [`Command::log`] named one.
    ///
    /// # Errors
    /// It could not be started, or its exit code is not zero.
    pub fn run(&self) -> Result<Output> {
        let output = self.output()?;
        if output.status.success() {
            return Ok(output);
        }
        let mut text = output.stdout.clone();
        text.extend_from_slice(&output.stderr);
        if let Some(log) = &self.log {
            append(log, &text)?;
        }
        Err(self.failed(output.status, &tail(&String::from_utf8_lossy(&text))))
    }

    /// Runs it to the end and gives each line of both streams to `line`, and to the log, as it comes.
    ///
    /// # Errors
    /// It could not be started, its exit code is not zero, or `line` returned an error: then the program is killed.
    pub fn stream(&self, mut line: impl FnMut(&str) -> Result<()>) -> Result<()> {
        let (reader, writer) = std::io::pipe().context("cannot make a pipe")?;
        let mut command = self.dying_with_us();
        command
            .stdout(writer.try_clone().context("cannot copy a pipe")?)
            .stderr(writer);
        let mut child = command.spawn().map_err(|error| self.not_started(error))?;
        let _ends = cancel::end_with_us(child.id());
        drop(command); // holds the writing ends: the reader would never see the end
        let mut log = self.log.as_deref().map(open_log).transpose()?;
        let mut last = VecDeque::with_capacity(TAIL_LINES);
        let mut reader = BufReader::new(reader);
        let mut buffer = Vec::new();
        let result = loop {
            buffer.clear();
            match reader.read_until(b'\n', &mut buffer) {
                Ok(0) => break Ok(()),
                Ok(_) => {}
                Err(error) => {
                    break Err(error).context(format!("cannot read from `{}`", self.display()));
                }
            }
            if let Some(log) = &mut log {
                let _ = log.write_all(&buffer); // a full disk must not hide the program's own failure
            }
            let text = String::from_utf8_lossy(&buffer);
            let text = text.trim_end_matches(['\n', '\r']);
            if last.len() == TAIL_LINES {
                last.pop_front();
            }
            last.push_back(text.to_owned());
            if let Err(error) = line(text) {
                break Err(error);
            }
        };
        if result.is_err() {
            let _ = child.kill();
        }
        let status = child
            .wait()
            .context(format!("cannot wait for `{}`", self.display()))?;
        result?;
        if status.success() {
            return Ok(());
        }
        Err(self.failed(status, &Vec::from(last).join("\n")))
    }

    /// The same as [`Command::to_std`], but the program gets SIGTERM when we die, however we die. make, for one, then
    /// ends its own children and removes half-written files.
    pub(super) fn dying_with_us(&self) -> std::process::Command {
        use rustix::process::{Signal, set_parent_process_death_signal};
        let mut command = self.to_std();
        let ask = || set_parent_process_death_signal(Some(Signal::TERM)).map_err(Into::into);
        // SAFETY: between fork and exec the closure makes one system call and touches no memory of ours.
        #[expect(
            unsafe_code,
            reason = "the standard library has no safe way to run code before exec"
        )]
        unsafe {
            command.pre_exec(ask);
        }
        command
    }

    fn not_started(&self, error: std::io::Error) -> Error {
        let missing = error.kind() == std::io::ErrorKind::NotFound;
        let wrapped = Error::user(format!("cannot start `{}`", self.program.to_string_lossy()))
            .because(error);
        if missing {
            wrapped.hint(format!(
                "install the program `{}` and try again",
                self.program.to_string_lossy()
            ))
        } else {
            wrapped
        }
    }

    fn failed(&self, status: ExitStatus, tail: &str) -> Error {
        let mut error = Error::external(format!(
            "`{}` failed: {status}",
            self.program.to_string_lossy()
        ))
        .note(format!("command: {}", self.display()));
        if !tail.is_empty() {
            error = error.note(tail.to_owned());
        }
        match &self.log {
            Some(log) => error.note(format!("whole log: {}", log.display())),
            None => error,
        }
    }
}

fn open_log(path: &Path) -> Result<File> {
    if let Some(parent) = path.parent() {
        crate::files::create_dir_all(parent)?;
    }
    File::options()
        .create(true)
        .append(true)
        .open(path)
        .context(format!("cannot write the log {}", path.display()))
}

fn append(path: &Path, bytes: &[u8]) -> Result<()> {
    open_log(path)?
        .write_all(bytes)
        .context(format!("cannot write the log {}", path.display()))
}

fn tail(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(TAIL_LINES)..].join("\n")
}
