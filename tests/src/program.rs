//! Our own programs, run as a person runs them.

use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use kindling_base::Command;

/// Far more than anything takes that ends at all, on a machine that is busy with other things.
const LIMIT: Duration = Duration::from_secs(900);

/// The exit code and the output of a program that has ended.
#[derive(Debug)]
pub struct Ran {
    /// Exit code; 128 + signal where it was killed.
    pub code: i32,
    /// Standard output.
    pub stdout: String,
    /// Standard error.
    pub stderr: String,
}

impl Ran {
    /// Runs to the end, which must come within [`LIMIT`].
    pub fn new(command: &Command) -> Self {
        let mut command = command.to_std();
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command.spawn().unwrap();
        let pid = rustix::process::Pid::from_child(&child);
        let (sender, ended) = std::sync::mpsc::channel();
        std::thread::spawn(move || sender.send(child.wait_with_output().unwrap()));
        let output = ended.recv_timeout(LIMIT).unwrap_or_else(|_| {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::INT);
            panic!("{command:?} has not ended after {LIMIT:?}")
        });
        let code = output
            .status
            .code()
            .or(output.status.signal().map(|signal| 128 + signal));
        Self {
            code: code.unwrap(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Asserts success.
    #[track_caller]
    pub fn ok(self) -> Self {
        assert_eq!(self.code, 0, "{}\n{}", self.stdout, self.stderr);
        self
    }

    /// Asserts a failure with this exit code, a hint, no panic, and each of `texts` on standard error.
    #[track_caller]
    pub fn fails(self, code: i32, texts: &[&str]) -> Self {
        assert_eq!(self.code, code, "{}\n{}", self.stdout, self.stderr);
        assert!(!self.stderr.contains("panicked"), "{}", self.stderr);
        for text in texts.iter().chain(&["error: ", "hint: "]) {
            assert!(
                self.stderr.contains(text),
                "no `{text}` in:\n{}",
                self.stderr
            );
        }
        self
    }
}

/// `cargo xtask`, as built by the command that runs the tests.
pub fn xtask() -> Command {
    program("xtask")
}

/// `cargo kindling`, likewise.
pub fn kindling() -> Command {
    program("kindling")
}

/// A program beside the folder of the running test: `target/release/NAME`.
fn program(name: &str) -> Command {
    let test = std::env::current_exe().unwrap();
    let path: PathBuf = test.parent().unwrap().parent().unwrap().join(name);
    assert!(
        path.exists(),
        "{} is not built: run the tests with `cargo xtask test`",
        path.display()
    );
    with_environment(Command::new(path))
}

/// Passes on what our programs take from the environment of the tests: the store and the toolchain.
pub fn with_environment(mut command: Command) -> Command {
    for key in [
        "KINDLING_STORE",
        "CARGO_HOME",
        "RUSTUP_HOME",
        "RUSTUP_TOOLCHAIN",
    ] {
        if let Some(value) = std::env::var_os(key) {
            command = command.env(key, value);
        }
    }
    command
}
