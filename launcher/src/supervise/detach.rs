//! VMs whose supervisor is a process of its own: both ends of starting one.

use std::path::Path;
use std::process::Stdio;

use kindling_base::{Command, Context, Error, Result, files};
use rustix::process::{Pid, Signal, kill_process};
use tokio::io::AsyncReadExt;
use tokio::process::Child;

use super::{Report, supervise};
use crate::vm::status::State;
use crate::vm::{OwnedVm, StateFolder, VMM_LOG, Vm};

/// The hidden command of our binary that calls [`supervise_detached`].
pub const SUPERVISE_COMMAND: &str = "supervise";

/// Starts a supervisor of its own for the VM and waits until its guest is ready or it has ended, which the returned
/// VM's status tells. An interrupt meanwhile stops the VM. `program` is our own binary.
///
/// # Errors
/// The supervisor cannot be started, or died without a word.
pub async fn detach(owned: OwnedVm, program: &Path) -> Result<Vm> {
    let mut vm = owned.vm.clone();
    let log = files::create(&vm.folder.join(VMM_LOG))?;
    let lock = owned
        .into_lock()
        .ok_or_else(|| Error::internal("a supervisor cannot detach its own VM"))?;
    let mut command = Command::new(program)
        .arg(SUPERVISE_COMMAND)
        .arg(&vm.folder)
        .to_std();
    // Standard input carries the lock; standard output carries the status once there is something to tell.
    command.stdin(lock).stdout(Stdio::piped()).stderr(log);
    let mut child = tokio::process::Command::from(command)
        .spawn()
        .context(format!("cannot start {}", program.display()))?;
    let mut output = child
        .stdout
        .take()
        .ok_or_else(|| Error::internal("the supervisor has no standard output"))?;
    let mut told = Vec::new();
    loop {
        tokio::select! {
            end = output.read_to_end(&mut told) => {
                end.context("cannot wait for the supervisor")?;
                break;
            }
            signal = tokio::signal::ctrl_c() => {
                signal.context("cannot listen for signals")?;
                terminate(&child);
            }
        }
    }
    if told.is_empty() {
        vm.refresh()?; // it died: finds the lock free
    } else {
        vm.status = serde_json::from_slice(&told).map_err(|error| {
            Error::internal("the supervisor's answer does not parse").because(error)
        })?;
    }
    Ok(vm)
}

/// Asks the supervisor, our own child that nobody has waited for yet, to stop its VM.
fn terminate(child: &Child) {
    let pid = child.id().and_then(|pid| Pid::from_raw(pid.cast_signed()));
    if let Some(pid) = pid {
        let _ = kill_process(pid, Signal::TERM); // it may have ended just now
    }
}

/// Supervises the VM in `folder`, whose lock this process has inherited as its standard input, in a session of its
/// own. Standard output gets the VM's status as JSON and ends, as soon as the guest is ready or the VM has ended.
///
/// # Errors
/// This process was not started by [`detach`], or the VM's files cannot be written.
pub async fn supervise_detached(folder: &Path) -> Result<()> {
    let mut owned = OwnedVm::adopt(folder)?;
    // Failing means that we lead a session already.
    let _ = rustix::process::setsid();
    let mut told = false;
    let mut tell = |vm: &Vm| {
        if !told {
            told = true;
            // Whoever started us may be gone; the status is in the VM's folder as well.
            let _ = tell_status(vm);
        }
    };
    let mut sink = |report: Report<'_>| {
        if let Report::Ready(vm) = report {
            tell(vm);
        }
        true
    };
    supervise(&mut owned, &mut sink).await?;
    if owned.vm.spec.remove && owned.vm.status.state == State::Stopped {
        StateFolder::of_vm(folder)?.remove_owned(&owned)?;
    }
    let vm = owned.vm.clone();
    drop(owned); // frees the lock before anybody learns that the VM has ended
    tell(&vm);
    Ok(())
}

fn tell_status(vm: &Vm) -> std::io::Result<()> {
    let mut text = serde_json::to_vec(&vm.status)?;
    while !text.is_empty() {
        let written = rustix::io::write(rustix::stdio::stdout(), &text)?;
        text.drain(..written);
    }
    let null = std::fs::File::options().write(true).open("/dev/null")?;
    rustix::stdio::dup2_stdout(null)?;
    Ok(())
}
