//! QEMU: user-mode network, serial console and QMP over inherited sockets.

mod argv;

use std::os::fd::{AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream as StdStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::ExitStatus;
use std::time::Duration;

use kindling_base::host::{self, HostPackage, Proof};
use kindling_base::{Command, Context, Error, Reporter, Result};
use rustix::io::FdFlags;
use rustix::process::Signal;
use tokio::net::UnixStream;
use tokio::process::Child;

use super::{Event, Machine};
use crate::console;
use crate::qmp::Qmp;
use crate::spec::Spec;
use crate::state::VMM_LOG;

/// The program.
pub(crate) const PROGRAM: &str = "qemu-system-x86_64";

const PACKAGE: HostPackage = HostPackage {
    name: "qemu-system-x86",
    proof: Proof::Program(PROGRAM),
    reason: "to run virtual machines",
};

/// QEMU answers on its control connection as soon as the machine is built: 0.1 s, on a loaded host seconds.
const GREETING_DEADLINE: Duration = Duration::from_secs(30);

/// Makes sure that QEMU is installed.
///
/// # Errors
/// It is missing and may not be installed, or apt failed.
pub(crate) fn ensure(install: bool, reporter: &dyn Reporter) -> Result<()> {
    host::ensure(&[PACKAGE], install, reporter)
}

/// QEMU's version line, if it is installed.
pub(crate) fn version() -> Option<String> {
    let output = Command::new(PROGRAM).arg("--version").run().ok()?;
    output.text().lines().next().map(str::to_owned)
}

/// A machine on QEMU.
#[derive(Debug)]
pub(crate) struct Qemu {
    child: Child,
    qmp: Option<Qmp>,
}

/// Starts QEMU for `spec` in the VM's `folder`; returns the machine and its serial console.
///
/// To be called on the main thread, which lives as long as the process: the kernel kills QEMU when the thread that
/// started it ends.
///
/// # Errors
/// QEMU cannot be started or ends at once; the error has what it said.
pub(crate) async fn start(folder: &Path, spec: &Spec) -> Result<(Qemu, UnixStream)> {
    let (console, console_theirs) = pair()?;
    let (control, control_theirs) = pair()?;
    let args = argv::argv(spec, control_theirs.as_raw_fd(), console_theirs.as_raw_fd());
    let command = Command::new(PROGRAM).args(args).directory(folder);
    let log_path = folder.join(VMM_LOG);
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(&log_path)
        .context(format!("cannot write {}", log_path.display()))?;
    let mut process = command.to_std();
    process
        .stdout(log.try_clone().context("cannot copy a descriptor")?)
        .stderr(log)
        // Ctrl-C at the terminal is for us, who ask the guest first.
        .process_group(0);
    let parent = rustix::process::getpid();
    let inherited = [console_theirs.as_raw_fd(), control_theirs.as_raw_fd()];
    #[expect(
        unsafe_code,
        reason = "only the child itself can ask to die with its parent"
    )]
    // SAFETY: between fork and exec this makes system calls only; it neither allocates nor locks.
    unsafe {
        process.pre_exec(move || in_child(parent, inherited));
    }
    let mut child = tokio::process::Command::from(process)
        .kill_on_drop(true)
        .spawn()
        .context(format!("cannot start `{PROGRAM}`"))?;
    drop((console_theirs, control_theirs)); // so that both connections end with QEMU
    let failed = |what: String| {
        let error = Error::external(what).note(format!("command: {}", command.display()));
        match console::tail(&log_path) {
            said if said.is_empty() => error,
            said => error.note(format!("QEMU said:\n{said}")),
        }
    };
    tokio::select! {
        qmp = tokio::time::timeout(GREETING_DEADLINE, Qmp::open(control)) => match qmp {
            Ok(Ok(qmp)) => Ok((Qemu { child, qmp: Some(qmp) }, console)),
            Ok(Err(error)) => match child.wait().await {
                Ok(status) => Err(failed(format!("QEMU ended at once: {}", describe(status)))),
                Err(_) => Err(error),
            },
            Err(_) => Err(failed(format!("QEMU did not answer within {} s", GREETING_DEADLINE.as_secs()))),
        },
        status = child.wait() => {
            let status = status.context("cannot wait for QEMU")?;
            Err(failed(format!("QEMU ended at once: {}", describe(status))))
        }
    }
}

/// In the new process, before QEMU: die with the supervisor, and keep the two sockets.
fn in_child(parent: rustix::process::Pid, inherited: [i32; 2]) -> std::io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    if rustix::process::getppid() != Some(parent) {
        return Err(std::io::ErrorKind::BrokenPipe.into()); // it died before we asked
    }
    for descriptor in inherited {
        #[expect(unsafe_code, reason = "the descriptors cross the fork as numbers")]
        // SAFETY: both were open in the parent at the fork, and nothing closes them in this process.
        let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor) };
        rustix::io::fcntl_setfd(descriptor, FdFlags::empty())?;
    }
    Ok(())
}

fn pair() -> Result<(UnixStream, StdStream)> {
    let make = || -> std::io::Result<_> {
        let (ours, theirs) = StdStream::pair()?;
        ours.set_nonblocking(true)?;
        Ok((UnixStream::from_std(ours)?, theirs))
    };
    make().context("cannot make a pair of sockets")
}

impl Machine for Qemu {
    fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    async fn event(&mut self) -> Result<Event> {
        while let Some(qmp) = &mut self.qmp {
            let Ok(Some(event)) = qmp.event().await else {
                self.qmp = None; // closed or broken: the exit status is what is left to learn
                break;
            };
            if event.name == "SHUTDOWN" {
                // `reason` is a ShutdownCause of `qapi/run-state.json`.
                match event.data["reason"].as_str() {
                    Some("guest-shutdown") => return Ok(Event::PoweredOff),
                    Some("guest-reset") => return Ok(Event::Reset),
                    _ => {}
                }
            }
        }
        let status = self.child.wait().await.context("cannot wait for QEMU")?;
        Ok(Event::Exited {
            well: status.success(),
            status: describe(status),
        })
    }

    async fn press_power_button(&mut self) -> Result<()> {
        self.execute("system_powerdown").await
    }

    async fn quit(&mut self) -> Result<()> {
        self.execute("quit").await
    }

    fn kill(&mut self) -> Result<()> {
        self.child.start_kill().context("cannot kill QEMU")
    }
}

impl Qemu {
    async fn execute(&mut self, command: &str) -> Result<()> {
        /// QEMU answers these commands at once unless it hangs; the supervisor must not hang with it.
        const DEADLINE: Duration = Duration::from_secs(2);
        let Some(qmp) = &mut self.qmp else {
            return Err(Error::external("QEMU has closed its control connection"));
        };
        match tokio::time::timeout(DEADLINE, qmp.execute(command)).await {
            Ok(answer) => answer.map(drop),
            Err(_) => Err(Error::external(format!(
                "QEMU does not answer to `{command}`"
            ))),
        }
    }
}

fn describe(status: ExitStatus) -> String {
    status.to_string() // `exit status: 1`, `signal: 9 (SIGKILL)`
}
