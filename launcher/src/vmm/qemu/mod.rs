//! QEMU: user-mode network, the serial console over a pipe and QMP over an inherited socket.

mod argv;

use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
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
use tokio::net::unix::pipe;
use tokio::process::Child;

use super::{Event, Machine};
use crate::qmp::Qmp;
use crate::spec::Spec;
use crate::state::VMM_LOG;
use crate::{agent, console};

/// The program.
pub(crate) const PROGRAM: &str = "qemu-system-x86_64";

const PACKAGE: HostPackage = HostPackage {
    name: "qemu-system-x86",
    proof: Proof::Program(PROGRAM),
    reason: "to run virtual machines",
};

/// QEMU answers on its control connection as soon as the machine is built: 0.1 s, on a loaded host seconds.
const GREETING_DEADLINE: Duration = Duration::from_secs(30);

/// A QEMU that has closed its control connection is about to end.
const EXIT_DEADLINE: Duration = Duration::from_secs(2);

/// Bytes of the console that wait for us: the most that `fs.pipe-max-size` gives ordinary users by default.
const CONSOLE_BUFFER: usize = 1 << 20;

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
    /// The channel to the guest's agent, until somebody takes it.
    agent: Option<UnixStream>,
}

/// Starts QEMU for `spec` in the VM's `folder`; returns the machine and its serial console.
///
/// To be called on the main thread, which lives as long as the process: the kernel kills QEMU when the thread that
/// started it ends.
///
/// # Errors
/// QEMU cannot be started or ends at once; the error has what it said.
pub(crate) async fn start(folder: &Path, spec: &Spec) -> Result<(Qemu, pipe::Receiver)> {
    let (control, control_theirs) = pair()?;
    let (console, console_theirs) = console_pipe()?;
    let (agent, agent_theirs) = match spec.agent.then(pair).transpose()? {
        Some((ours, theirs)) => (Some(ours), Some(theirs)),
        None => (None, None),
    };
    let agent_fd = agent_theirs.as_ref().map(AsRawFd::as_raw_fd);
    let args = argv::argv(spec, control_theirs.as_raw_fd(), agent_fd);
    let command = Command::new(PROGRAM).args(args).directory(folder);
    let log_path = folder.join(VMM_LOG);
    let log = std::fs::File::options()
        .create(true)
        .append(true)
        .open(&log_path)
        .context(format!("cannot write {}", log_path.display()))?;
    let mut process = command.to_std();
    process
        .stdout(console_theirs)
        .stderr(log)
        // Ctrl-C at the terminal is for us, who ask the guest first.
        .process_group(0);
    let parent = rustix::process::getpid();
    let control_fd = control_theirs.as_raw_fd();
    #[expect(
        unsafe_code,
        reason = "only the child itself can ask to die with its parent"
    )]
    // SAFETY: between fork and exec this makes system calls only; it neither allocates nor locks.
    unsafe {
        process.pre_exec(move || in_child(parent, &[Some(control_fd), agent_fd]));
    }
    let mut process = tokio::process::Command::from(process);
    let mut child = process
        .kill_on_drop(true)
        .spawn()
        .context(format!("cannot start `{PROGRAM}`"))?;
    drop((process, control_theirs, agent_theirs)); // so that the console and the control connection end with QEMU
    let failed = |what: String| {
        let error = Error::external(what).note(format!("command: {}", command.display()));
        match console::tail(&log_path) {
            said if said.is_empty() => error,
            said => error.note(format!("QEMU said:\n{said}")),
        }
    };
    // A QEMU that ends closes its connection, so this learns of that too, after all that it had to say.
    match tokio::time::timeout(GREETING_DEADLINE, open_and_continue(control)).await {
        Ok(Ok(qmp)) => Ok((
            Qemu {
                child,
                qmp: Some(qmp),
                agent,
            },
            console,
        )),
        Ok(Err(error)) => match tokio::time::timeout(EXIT_DEADLINE, child.wait()).await {
            Ok(Ok(status)) => Err(failed(format!("QEMU ended at once: {}", describe(status)))),
            _ => Err(error),
        },
        Err(_) => Err(failed(format!(
            "QEMU did not answer within {} s",
            GREETING_DEADLINE.as_secs()
        ))),
    }
}

/// Connects to the control socket and lets the guest, which waits for that, run.
async fn open_and_continue(control: UnixStream) -> Result<Qmp> {
    let mut qmp = Qmp::open(control).await?;
    qmp.execute("cont").await?;
    Ok(qmp)
}

/// In the new process, before QEMU: die with the supervisor, and keep our sockets.
fn in_child(parent: rustix::process::Pid, inherited: &[Option<i32>]) -> std::io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    if rustix::process::getppid() != Some(parent) {
        return Err(std::io::ErrorKind::BrokenPipe.into()); // it died before we asked
    }
    for inherited in inherited.iter().flatten() {
        #[expect(unsafe_code, reason = "the descriptor crosses the fork as a number")]
        // SAFETY: it was open in the parent at the fork, and nothing closes it in this process.
        let inherited = unsafe { BorrowedFd::borrow_raw(*inherited) };
        rustix::io::fcntl_setfd(inherited, FdFlags::empty())?;
    }
    Ok(())
}

/// A pipe for the serial console: our end and QEMU's. Not a socket, which is full after some hundred of the single
/// bytes that a serial port writes, whereupon QEMU drops the next ones.
fn console_pipe() -> Result<(pipe::Receiver, OwnedFd)> {
    let (ours, theirs) = std::io::pipe().context("cannot make a pipe")?;
    // More room only helps a supervisor that is slow; a host that refuses it gives 64 KiB.
    let _ = rustix::pipe::fcntl_setpipe_size(&theirs, CONSOLE_BUFFER);
    let ours = pipe::Receiver::from_owned_fd(ours.into()).context("cannot read from a pipe")?;
    Ok((ours, theirs.into()))
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

    fn take_agent(&mut self) -> Option<impl agent::Channel + use<>> {
        self.agent.take()
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
