//! External programs, all through one door: clean environment, a log, a tail on failure.

mod run;

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Stdio;

pub use run::Output;

/// The variable that names a library to preload into every program that we start, and into those that it starts.
/// `build-image --verify` shifts clocks and reverses directory listings with one.
pub const PRELOAD: &str = "KINDLING_PRELOAD";

/// Variables that a program gets from our own environment. All others are dropped, so that a build does not depend
/// on who runs it.
const INHERITED: [&str; 3] = ["HOME", "TMPDIR", "TERM"];

/// Where administration programs live; the PATH of an ordinary user on Debian lacks them.
const ADMIN_FOLDERS: [&str; 2] = ["/usr/sbin", "/sbin"];

/// Our PATH (or the usual folders where there is none), then the folders of administration programs.
pub fn search_path() -> OsString {
    let mut path =
        std::env::var_os("PATH").unwrap_or_else(|| "/usr/local/bin:/usr/bin:/bin".into());
    for folder in ADMIN_FOLDERS {
        path.push(":");
        path.push(folder);
    }
    path
}

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

    /// Names the log for both output streams: [`Command::stream`] appends each line as it comes, [`Command::run`]
    /// appends the whole output if the program fails. The error of a failure names the log.
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
        command.env("PATH", search_path());
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
mod tests;
