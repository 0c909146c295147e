//! QEMU: user-mode network, the serial console over a pipe and QMP over an inherited socket.

mod argv;
mod convert;
mod memory;
mod migrate;
mod process;
mod qmp;

use std::fs::File;
use std::os::fd::{AsRawFd, RawFd};
use std::os::unix::net::UnixStream as StdStream;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use kindling_base::{Command, Context, Error, Reporter, Result, files};
use kindling_host::{self as host, HostPackage, Proof};
use tokio::net::UnixStream;
use tokio::process::Child;

use argv::{Inherited, Purpose};
use memory::SharedMemory;
use process::Process;

use super::child::{self, Console};
use super::{Event, MEMORY, Machine, STATE};
use crate::console;
use crate::vm::VMM_LOG;
use crate::vm::spec::Spec;
use crate::vm::timeline::{self, Step};
use qmp::Qmp;

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
    /// The guest's memory, where it is shared with us.
    memory: Option<SharedMemory>,
    /// The channel to the guest's agent, until somebody takes it.
    agent: Option<UnixStream>,
    /// The VM's folder.
    folder: PathBuf,
    /// Its purpose.
    spec: Spec,
}

/// Descriptors that QEMU inherits from us besides its control socket.
#[derive(Debug)]
struct Handed {
    memory: Option<SharedMemory>,
    state: Option<File>,
    agent: Option<StdStream>,
}

impl Handed {
    /// Fresh memory, unless the VM goes on from saved memory that it maps itself.
    fn new(spec: &Spec, agent: Option<StdStream>) -> Result<Self> {
        let saved = spec.resume_from.as_deref();
        let mapped = saved.is_some_and(|s| s.join(MEMORY).exists());
        let memory = (!mapped).then(|| SharedMemory::new(spec.memory_mib));
        let state = saved.map(|saved| files::open(&saved.join(STATE)));
        Ok(Self {
            memory: memory.transpose()?,
            state: state.transpose()?,
            agent,
        })
    }

    fn inherited(&self, control: RawFd) -> Inherited {
        Inherited {
            control,
            memory: self.memory.as_ref().map(SharedMemory::descriptor),
            state: self.state.as_ref().map(AsRawFd::as_raw_fd),
            agent: self.agent.as_ref().map(AsRawFd::as_raw_fd),
        }
    }
}

/// Starts QEMU for `spec` in the VM's `folder`; returns the machine, which runs, and its serial console.
///
/// To be called on the main thread, which lives as long as the process: the kernel kills QEMU when the thread that
/// started it ends.
///
/// # Errors
/// QEMU cannot be started or ends at once; the error has what it said.
pub(crate) async fn start(folder: &Path, spec: &Spec) -> Result<(Qemu, Console)> {
    let (control, control_theirs) = pair()?;
    let (output, console_theirs) = child::console_pipe()?;
    let (input, input_theirs) = child::input_pipe()?;
    let console = Console {
        output,
        input: Some(input),
    };
    let (agent, agent_theirs) = match spec.agent.then(pair).transpose()? {
        Some((ours, theirs)) => (Some(ours), Some(theirs)),
        None => (None, None),
    };
    let handed = Handed::new(spec, agent_theirs)?;
    let inherited = handed.inherited(control_theirs.as_raw_fd());
    let process = Process {
        folder,
        spec,
        inherited: &inherited,
        purpose: Purpose::Run,
    };
    timeline::note(folder, Step::Spawned);
    let mut child = process.spawn(input_theirs.into(), console_theirs.into())?;
    drop((control_theirs, handed.agent)); // so that the console and the control connection end with QEMU
    let failed = |what: String| {
        let command = process.command();
        let error = Error::external(what).note(format!("command: {}", command.display()));
        said(error, &folder.join(VMM_LOG))
    };
    // A QEMU that ends closes its connection, so this learns of that too, after all that it had to say.
    let opened = open_and_continue(folder, control, &inherited);
    match tokio::time::timeout(GREETING_DEADLINE, opened).await {
        Ok(Ok(qmp)) => Ok((
            Qemu {
                child,
                qmp: Some(qmp),
                memory: handed.memory,
                agent,
                folder: folder.to_owned(),
                spec: spec.clone(),
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

/// Connects to the control socket, loads the state to go on from, and lets the guest, which waits for that, run.
async fn open_and_continue(
    folder: &Path,
    control: UnixStream,
    inherited: &Inherited,
) -> Result<Qmp> {
    let mut qmp = Qmp::open(control).await?;
    timeline::note(folder, Step::VmmReady);
    if let Some(state) = inherited.state {
        migrate::load(&mut qmp, state, inherited.memory.is_none()).await?;
    }
    qmp.execute("cont").await?;
    timeline::note(folder, Step::Running);
    Ok(qmp)
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

    async fn pause(&mut self) -> Result<()> {
        self.execute("stop").await
    }

    async fn unpause(&mut self) -> Result<()> {
        migrate::unpause(self.qmp.as_mut().ok_or_else(closed)?).await
    }

    async fn save(&mut self, into: &Path) -> Result<()> {
        let qmp = self.qmp.as_mut().ok_or_else(closed)?;
        let saved = migrate::save(qmp, &self.folder, self.memory.as_ref(), into).await;
        saved.map_err(|error| said(error, &self.folder.join(VMM_LOG)))
    }

    async fn settle(&mut self, into: &Path) -> Result<()> {
        if self.memory.is_some() {
            return Ok(());
        }
        let converted = convert::convert(&self.folder, &self.spec, into).await;
        converted.map_err(|error| said(error, &self.folder.join(VMM_LOG)))
    }

    fn take_agent(&mut self) -> Option<UnixStream> {
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
        let qmp = self.qmp.as_mut().ok_or_else(closed)?;
        match tokio::time::timeout(DEADLINE, qmp.execute(command)).await {
            Ok(answer) => answer.map(drop),
            Err(_) => Err(Error::external(format!(
                "QEMU does not answer to `{command}`"
            ))),
        }
    }
}

/// The error with the end of QEMU's log.
fn said(error: Error, log: &Path) -> Error {
    match console::tail(log) {
        said if said.is_empty() => error,
        said => error.note(format!("QEMU said:\n{said}")),
    }
}

fn closed() -> Error {
    Error::external("QEMU has closed its control connection")
}

fn describe(status: ExitStatus) -> String {
    status.to_string() // `exit status: 1`, `signal: 9 (SIGKILL)`
}
