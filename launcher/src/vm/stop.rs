//! Stopping and removing VMs from outside their supervisor.

use std::time::{Duration, Instant};

use kindling_base::{Error, Result};

use super::control::{self, Request};
use super::{StateFolder, Vm};

/// The time that a supervisor may take from its start until it listens.
const LISTEN_DEADLINE: Duration = Duration::from_secs(5);

/// The result of [`stop`].
#[derive(Debug)]
pub enum Stopped {
    /// It was running and has ended; its status says how.
    Now(Vm),
    /// It was running, has ended and was removed, as it was asked to be.
    Removed,
    /// It was not running.
    Before(Vm),
}

/// Stops a VM: the guest has `grace` to power itself off, then the machine is ended. Returns once nothing of it runs.
///
/// # Errors
/// There is no such VM or its supervisor does not listen.
pub async fn stop(state: &StateFolder, name: &str, grace: Duration) -> Result<Stopped> {
    let vm = state.find(name)?;
    if !vm.status.state.is_live() {
        return Ok(Stopped::Before(vm));
    }
    let grace_ms = u64::try_from(grace.as_millis()).unwrap_or(u64::MAX);
    let started = Instant::now();
    while let Err(error) = control::ask(&vm.folder, Request::Stop { grace_ms }).await {
        // It may be about to listen, or have ended since we looked.
        if !is_live(state, name) {
            break;
        }
        if started.elapsed() > LISTEN_DEADLINE {
            return Err(control::deaf(name, error));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    match state.find(name) {
        Ok(vm) => Ok(Stopped::Now(vm)),
        Err(_) if vm.spec.remove => Ok(Stopped::Removed),
        Err(error) => Err(error),
    }
}

fn is_live(state: &StateFolder, name: &str) -> bool {
    state.find(name).is_ok_and(|vm| vm.status.state.is_live())
}

/// Removes a VM with its disk and its logs; one that runs only with `force`, which stops it at once.
///
/// # Errors
/// There is no such VM, it runs and `force` is not given, or its supervisor does not let it go.
pub async fn remove(state: &StateFolder, name: &str, force: bool) -> Result<()> {
    if force && is_live(state, name) {
        match stop(state, name, Duration::ZERO).await? {
            Stopped::Removed => return Ok(()),
            Stopped::Now(vm) if vm.status.state.is_live() => {
                return Err(Error::internal(format!("`{name}` did not stop")));
            }
            Stopped::Now(_) | Stopped::Before(_) => {}
        }
    }
    state.remove(name)
}
