//! The process of a virtual machine monitor: it ends with us, and its standard output is the guest's console.

use std::fs::File;
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::os::unix::process::CommandExt;
use std::path::Path;

use kindling_base::{Command, Context, Result};
use rustix::io::FdFlags;
use rustix::process::{Pid, Signal};
use rustix::thread::{UnshareFlags, unshare_unsafe};
use tokio::net::unix::pipe;
use tokio::process::Child;

/// Bytes of the console that wait for us: the most that `fs.pipe-max-size` gives ordinary users by default.
const CONSOLE_BUFFER: usize = 1 << 20;

/// `asm-generic/fcntl.h`; the crate libc does not have it.
const F_SETSIG: i32 = 10;

/// A guest's serial console.
#[derive(Debug)]
pub(crate) struct Console {
    /// The guest's output.
    pub(crate) output: pipe::Receiver,
    /// Its input, if somebody can type.
    pub(crate) input: Option<pipe::Sender>,
}

/// Starts `command`, called `name`, with its standard output on the returned pipe and its standard error in `log`. One
/// that `changes_user` is ended by other means: the kernel forgets then with whom it is to die.
///
/// To be called on the main thread, which lives as long as the process: the kernel kills the child when the thread that
/// started it ends.
///
/// # Errors
/// It cannot be started.
pub(super) fn spawn(
    command: &Command,
    log: &Path,
    name: &str,
    changes_user: bool,
) -> Result<(Child, Console)> {
    let (output, console_theirs) = console_pipe()?;
    let log = open_log(log)?;
    let mut process = command.to_std();
    process
        .stdout(console_theirs)
        .stderr(log)
        // Ctrl-C at the terminal is for us, who ask the guest first.
        .process_group(0);
    // Standard input is the guest's, or what the process lives by.
    let input = if changes_user {
        process.stdin(lifeline()?);
        None
    } else {
        let (input, theirs) = input_pipe()?;
        process.stdin(theirs);
        Some(input)
    };
    let before = Before {
        dies_by_lifeline: changes_user,
        ..Before::default()
    };
    let child = spawn_bound(process, before)
        .context(format!("cannot start {name}: {}", command.display()))?;
    Ok((child, Console { output, input }))
}

/// Steps of a new process before it becomes its program, besides asking to die with us.
#[derive(Clone, Debug, Default)]
pub(super) struct Before {
    /// Descriptors of ours that the program gets; they stay open until it has started.
    pub(super) inherits: Vec<RawFd>,
    /// Moves to a network namespace of its own.
    pub(super) leaves_network: bool,
    /// Asks to be killed when the other end of standard input, a [`lifeline`], is closed.
    pub(super) dies_by_lifeline: bool,
}

/// Starts `process`, which dies with us, and when its handle is dropped.
///
/// To be called on the main thread, as [`spawn`].
///
/// # Errors
/// It cannot be started, or one of the steps before failed.
pub(super) fn spawn_bound(
    mut process: std::process::Command,
    before: Before,
) -> std::io::Result<Child> {
    let parent = rustix::process::getpid();
    #[expect(
        unsafe_code,
        reason = "only the child itself can ask to die with its parent"
    )]
    // SAFETY: between fork and exec this makes system calls only; it neither allocates nor locks.
    unsafe {
        process.pre_exec(move || before.run(parent));
    }
    tokio::process::Command::from(process)
        .kill_on_drop(true)
        .spawn()
}

impl Before {
    /// Makes system calls and nothing else: other threads' locks may be held forever in the new process.
    fn run(&self, parent: Pid) -> std::io::Result<()> {
        die_with(parent)?;
        if self.dies_by_lifeline {
            die_by_lifeline()?;
        }
        if self.leaves_network {
            #[expect(
                unsafe_code,
                reason = "unsharing files would close them; a network is none"
            )]
            // SAFETY: a network namespace of its own takes no descriptor away.
            unsafe {
                unshare_unsafe(UnshareFlags::NEWNET)?;
            }
        }
        for &descriptor in &self.inherits {
            #[expect(unsafe_code, reason = "the descriptor crosses the fork as a number")]
            // SAFETY: it was open in the parent at the fork, and nothing closes it in this process.
            let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor) };
            rustix::io::fcntl_setfd(descriptor, FdFlags::empty())?;
        }
        Ok(())
    }
}

/// In the new process: die with the supervisor.
fn die_with(parent: Pid) -> std::io::Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))?;
    if rustix::process::getppid() != Some(parent) {
        return Err(std::io::ErrorKind::BrokenPipe.into()); // it died before we asked
    }
    Ok(())
}

/// The reading end of a pipe whose other end stays open until this process ends, however it ends.
fn lifeline() -> Result<OwnedFd> {
    let (theirs, ours) = std::io::pipe().context("cannot make a pipe")?;
    // Open as long as this process lives: nobody has the number, so nobody closes it.
    let _ = std::os::fd::IntoRawFd::into_raw_fd(ours);
    Ok(theirs.into())
}

/// In the new process: be killed when the other end of standard input is closed. The kernel does it (F_SETSIG of
/// fcntl(2)); it asks for the rights of who set this, and that is still root.
fn die_by_lifeline() -> std::io::Result<()> {
    let set = |command, value: i32| {
        #[expect(unsafe_code, reason = "rustix has neither F_SETOWN nor F_SETSIG")]
        // SAFETY: fcntl with a number as its argument, on a descriptor that is open.
        match unsafe { libc::fcntl(0, command, value) } {
            -1 => Err(std::io::Error::last_os_error()),
            value => Ok(value),
        }
    };
    set(
        libc::F_SETOWN,
        rustix::process::getpid().as_raw_nonzero().get(),
    )?;
    set(F_SETSIG, libc::SIGKILL)?;
    let flags = set(libc::F_GETFL, 0)?;
    set(libc::F_SETFL, flags | libc::O_ASYNC)?;
    Ok(())
}

/// Opens the log of a monitor's own words, to append to it.
///
/// # Errors
/// It cannot be written.
pub(super) fn open_log(path: &Path) -> Result<File> {
    let log = File::options().create(true).append(true).open(path);
    log.context(format!("cannot write {}", path.display()))
}

/// A pipe for what is typed on the serial console: our end and the monitor's.
pub(super) fn input_pipe() -> Result<(pipe::Sender, OwnedFd)> {
    let (theirs, ours) = std::io::pipe().context("cannot make a pipe")?;
    let ours = pipe::Sender::from_owned_fd(ours.into()).context("cannot write to a pipe")?;
    Ok((ours, theirs.into()))
}

/// A pipe for the serial console: our end and the monitor's. Not a socket, which is full after some hundred of the
/// single bytes that a serial port writes, whereupon QEMU drops the next ones.
pub(super) fn console_pipe() -> Result<(pipe::Receiver, OwnedFd)> {
    let (ours, theirs) = std::io::pipe().context("cannot make a pipe")?;
    // More room only helps a supervisor that is slow; a host that refuses it gives 64 KiB.
    let _ = rustix::pipe::fcntl_setpipe_size(&theirs, CONSOLE_BUFFER);
    let ours = pipe::Receiver::from_owned_fd(ours.into()).context("cannot read from a pipe")?;
    Ok((ours, theirs.into()))
}
