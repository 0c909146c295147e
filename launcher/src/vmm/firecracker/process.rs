//! Firecracker's process: started in the VM's folder, its console on a pipe, its API on a socket there.

use std::fs::File;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use crate::vmm::child::Console;
use kindling_base::{Command, Context, Error, Result, files};
use rustix::fs::inotify;
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use tokio::process::Child;

use super::VSOCK_SOCKET;
use super::api::Api;
use super::jail::Place;
use crate::console;
use crate::vm::VMM_LOG;
use crate::vmm::child;

/// The API's socket in the VM's folder.
pub(super) const API_SOCKET: &str = "api.sock";
/// Firecracker's own log in the VM's folder.
pub const LOG: &str = "firecracker.log";
/// Firecracker's counters, one JSON object a line, in the VM's folder.
pub const METRICS: &str = "firecracker.metrics";

/// Firecracker listens 5 ms after it was started; on a loaded host much later.
const LISTEN_DEADLINE: Duration = Duration::from_secs(10);

/// A Firecracker that has refused something ends by itself at most this much later.
const EXIT_DEADLINE: Duration = Duration::from_millis(500);

/// A Firecracker that listens.
#[derive(Debug)]
pub(super) struct Process {
    pub(super) child: Child,
    pub(super) api: Api,
    /// The watch that told us of its socket. Closing it waits for the kernel (measured: 11 ms, in `synchronize_srcu`), so that is
    /// left to the end.
    _appearing: AsyncFd<OwnedFd>,
}

/// Starts `command`, a Firecracker that works in `place`, for the VM in `folder`; returns it and the guest's serial console.
/// The caller owns the VM: a socket that is in the way has no live owner.
///
/// # Errors
/// It cannot be started or ends at once; the error has what it said.
pub(super) async fn spawn(
    folder: &Path,
    place: &Place,
    command: &Command,
) -> Result<(Process, Console)> {
    for socket in [API_SOCKET, VSOCK_SOCKET] {
        // Firecracker removes neither before it binds: one that a crash left would make this start fail.
        files::remove(&place.folder.join(socket))?;
    }
    let opened = files::open(&place.folder)?;
    let appearing = watch(&place.folder)?;
    let log = folder.join(VMM_LOG);
    let (mut child, console) = child::spawn(command, &log, "Firecracker", place.is_jail())?;
    let connected = tokio::time::timeout(LISTEN_DEADLINE, connect(&opened, &appearing));
    let api = tokio::select! {
        connected = connected => connected.unwrap_or_else(|_| Err(Error::external(format!(
            "Firecracker did not listen within {} s",
            LISTEN_DEADLINE.as_secs()
        )))),
        status = child.wait() => Err(Error::external(match status {
            Ok(status) => format!("Firecracker ended at once: {status}"),
            Err(error) => format!("cannot wait for Firecracker: {error}"),
        })),
    };
    match api {
        Ok(api) => {
            let process = Process {
                child,
                api,
                _appearing: appearing,
            };
            Ok((process, console))
        }
        Err(error) => {
            let error = error.note(format!("command: {}", command.display()));
            let error = explain(error, folder);
            Err(if place.is_jail() {
                // The jail has no libraries; the jailer says "No such file or directory" of a program that wants some.
                error.hint("a jailed Firecracker has to be linked statically, as its releases are")
            } else {
                error
            })
        }
    }
}

/// Adds to an error of `process` how it ended, if it did, and its last words. What fails while a machine is being
/// started or loaded ends the process: nothing of it is left to be used.
pub(super) async fn failed(mut process: Process, folder: &Path, error: Error) -> Error {
    let error = match tokio::time::timeout(EXIT_DEADLINE, process.child.wait()).await {
        Ok(Ok(status)) => error.note(format!("Firecracker ended: {status}")),
        _ => error, // it goes on; it is killed when it is dropped
    };
    explain(error, folder)
}

/// Adds what Firecracker said to an error.
pub(super) fn explain(error: Error, folder: &Path) -> Error {
    let said = [VMM_LOG, LOG].map(|log| console::tail(&folder.join(log)));
    let said = said.join("\n");
    match said.trim() {
        "" => error,
        said => error.note(format!("Firecracker said:\n{said}")),
    }
}

/// Connects as soon as the socket is there.
async fn connect(folder: &File, appearing: &AsyncFd<OwnedFd>) -> Result<Api> {
    loop {
        match Api::connect(folder, API_SOCKET).await {
            Ok(api) => return Ok(api),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let mut ready = appearing
                    .readable()
                    .await
                    .context("cannot watch for a socket")?;
                let mut events = [0; 4096];
                let _ = rustix::io::read(appearing.get_ref(), &mut events); // what appeared is seen by connecting
                ready.clear_ready();
            }
            // It is bound and about to listen: microseconds.
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionRefused => {
                tokio::task::yield_now().await;
            }
            Err(error) => return Err(error).context("cannot connect to Firecracker's API"),
        }
    }
}

/// A descriptor that is readable when something appears in `folder`.
fn watch(folder: &Path) -> Result<AsyncFd<OwnedFd>> {
    let make = || -> std::io::Result<_> {
        let flags = inotify::CreateFlags::NONBLOCK | inotify::CreateFlags::CLOEXEC;
        let watching = inotify::init(flags)?;
        inotify::add_watch(&watching, folder, inotify::WatchFlags::CREATE)?;
        #[expect(
            unsafe_code,
            reason = "tokio wants to be told that the descriptor stays ours"
        )]
        // SAFETY: the `AsyncFd` owns it, and nobody here closes or replaces it.
        let watching = unsafe { AsyncFd::register_with_interest(watching, Interest::READABLE) };
        Ok(watching?)
    };
    make().context(format!("cannot watch {}", folder.display()))
}
