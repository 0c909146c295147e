//! External programs, all through one door: clean environment, a log, a tail on failure.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use crate::{Context, Error, Result};

/// Names a library that every program is started with, and passes on to those that it starts:
/// `build-image --verify` turns clocks and directories with one.
pub const PRELOAD: &str = "KINDLING_PRELOAD";

/// Lines of output shown when a program fails; the whole of it is in the log.
const TAIL_LINES: usize = 20;

/// Variables a program gets from our own environment; everything else is dropped so that builds do not
/// depend on who runs them.
const INHERITED: [&str; 3] = ["HOME", "TMPDIR", "TERM"];

/// An external program about to run.
///
/// The environment is PATH (with the folders of administration programs added), HOME, TMPDIR and TERM of
/// ours, `LC_ALL=C.UTF-8`, `TZ=UTC` and what [`Command::env`] adds. Standard input is empty.
#[derive(Debug)]
pub struct Command {
    program: OsString,
    args: Vec<OsString>,
    env: Vec<(OsString, OsString)>,
    inherits: bool,
    directory: Option<PathBuf>,
    log: Option<PathBuf>,
}

/// What a program printed. Standard error is merged into [`Output::text`] only for logged runs.
#[derive(Debug)]
pub struct Output {
    /// How it ended.
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
    /// A program by name (found in PATH) or by path.
    pub fn new(program: impl AsRef<OsStr>) -> Self {
        Self {
            program: program.as_ref().to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            inherits: false,
            directory: None,
            log: None,
        }
    }

    /// Adds one argument.
    #[must_use]
    pub fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args
            .extend(args.into_iter().map(|a| a.as_ref().to_owned()));
        self
    }

    /// Sets a variable on top of the clean environment.
    #[must_use]
    pub fn env(mut self, key: impl AsRef<OsStr>, value: impl AsRef<OsStr>) -> Self {
        self.env
            .push((key.as_ref().to_owned(), value.as_ref().to_owned()));
        self
    }

    /// Passes our whole environment on, under the clean one: for a program of ours that finds toolchains and mirrors
    /// as we do.
    #[must_use]
    pub fn inherit(mut self) -> Self {
        self.inherits = true;
        self
    }

    /// Runs it in this folder.
    #[must_use]
    pub fn directory(mut self, directory: impl AsRef<Path>) -> Self {
        self.directory = Some(directory.as_ref().to_owned());
        self
    }

    /// Appends both output streams to this file; a failure names it.
    #[must_use]
    pub fn log(mut self, log: impl AsRef<Path>) -> Self {
        self.log = Some(log.as_ref().to_owned());
        self
    }

    /// The command line, quoted so that it can be pasted into a shell.
    pub fn display(&self) -> String {
        let mut line = String::new();
        if let Some(directory) = &self.directory {
            line.push_str(&format!("cd {} && ", quote(directory.as_os_str())));
        }
        for (key, value) in &self.env {
            line.push_str(&format!("{}={} ", key.to_string_lossy(), quote(value)));
        }
        line.push_str(&quote(&self.program));
        for arg in &self.args {
            line.push(' ');
            line.push_str(&quote(arg));
        }
        line
    }

    /// The standard library's command with our environment, for callers that keep the child (a VM, a sandbox).
    #[expect(clippy::disallowed_methods, reason = "this is the one door")]
    pub fn to_std(&self) -> std::process::Command {
        let mut command = std::process::Command::new(&self.program);
        command.args(&self.args).env_clear().stdin(Stdio::null());
        if self.inherits {
            command.envs(std::env::vars_os());
        }
        for key in INHERITED {
            if let Some(value) = std::env::var_os(key) {
                command.env(key, value);
            }
        }
        command.env("PATH", crate::host::search_path());
        command.env("LC_ALL", "C.UTF-8").env("TZ", "UTC");
        if let Some(library) = std::env::var_os(PRELOAD) {
            command.env(PRELOAD, &library).env("LD_PRELOAD", library);
        }
        command.envs(self.env.iter().map(|(k, v)| (k, v)));
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        command
    }

    /// Runs it to the end and returns what it printed, whatever its exit code.
    ///
    /// # Errors
    /// It could not be started.
    pub fn output(&self) -> Result<Output> {
        let output = self
            .dying_with_us()
            .output()
            .map_err(|error| self.not_started(error))?;
        Ok(Output {
            status: output.status,
            stdout: output.stdout,
            stderr: output.stderr,
        })
    }

    /// Runs it to the end; a non-zero exit is an error with the argv and the tail of its output.
    ///
    /// # Errors
    /// It could not be started or failed.
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

    /// Runs it to the end, giving each line of both streams to `line` as it comes and to the log.
    ///
    /// # Errors
    /// It could not be started or failed; `line` returned an error (the program is then killed).
    pub fn stream(&self, mut line: impl FnMut(&str) -> Result<()>) -> Result<()> {
        let (reader, writer) = std::io::pipe().context("cannot make a pipe")?;
        let mut command = self.dying_with_us();
        command
            .stdout(writer.try_clone().context("cannot copy a pipe")?)
            .stderr(writer);
        let mut child = command.spawn().map_err(|error| self.not_started(error))?;
        drop(command); // holds the writing ends: the reader would never see the end
        let mut log = self.log.as_deref().map(open_log).transpose()?;
        let mut last = std::collections::VecDeque::with_capacity(TAIL_LINES);
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

    /// Like [`Command::to_std`], but the program gets SIGTERM when we die, however we die: make ends its
    /// own children then and removes half-written files.
    fn dying_with_us(&self) -> std::process::Command {
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

fn quote(word: &OsStr) -> String {
    let text = word.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.into_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Exit;

    #[test]
    fn a_failure_shows_the_argv_and_the_tail() {
        let error = Command::new("sh")
            .args(["-c", "echo one; echo 'two three' >&2; exit 7"])
            .run()
            .unwrap_err();
        assert_eq!(error.exit(), Exit::External);
        let report = error.report();
        assert!(report.contains("command: sh -c 'echo one;"), "{report}");
        assert!(report.contains("one\n  two three"), "{report}");
    }

    #[test]
    fn a_missing_program_is_the_users_to_install() {
        let error = Command::new("no-such-program-here").run().unwrap_err();
        assert_eq!(error.exit(), Exit::User);
        assert!(
            error
                .report()
                .contains("hint: install the program `no-such-program-here`")
        );
    }

    #[test]
    fn the_environment_is_clean() {
        let output = Command::new("env").env("EXTRA", "1").run().unwrap().text();
        let mut keys: Vec<&str> = output.lines().filter_map(|l| l.split('=').next()).collect();
        keys.retain(|k| !INHERITED.contains(k));
        keys.sort_unstable();
        assert_eq!(keys, ["EXTRA", "LC_ALL", "PATH", "TZ"]);
    }

    #[test]
    fn a_program_dies_with_the_one_that_started_it() {
        // The signal comes when the thread that forked ends, so a thread can stand for the process.
        let forked = std::thread::spawn(|| {
            Command::new("sleep")
                .arg("600")
                .dying_with_us()
                .spawn()
                .unwrap()
        });
        let status = forked.join().unwrap().wait().unwrap();
        assert_eq!(
            std::os::unix::process::ExitStatusExt::signal(&status),
            Some(15)
        );
    }

    #[test]
    fn streaming_keeps_a_log_and_stops_on_request() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("logs/x.log");
        let mut seen = Vec::new();
        Command::new("sh")
            .args(["-c", "echo a; echo b >&2"])
            .log(&log)
            .stream(|line| {
                seen.push(line.to_owned());
                Ok(())
            })
            .unwrap();
        assert_eq!(seen, ["a", "b"]);
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "a\nb\n");
        let stopped = Command::new("yes")
            .stream(|_| Err(Error::user("enough")))
            .unwrap_err();
        assert_eq!(stopped.to_string(), "enough");
    }
}
