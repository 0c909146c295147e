//! Saving a machine and loading it again, by QEMU's migration to and from a file.
//!
//! Where the guest's memory is a file, the state has all but the memory (`x-ignore-shared`): some hundred KiB. The saved
//! memory is mapped copy-on-write by whoever goes on from it, so that any number can. Such a machine's memory is no longer
//! one file; when it is saved in turn, the state has the memory as well, until [`super::convert`] has parted them.

use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::time::Duration;

use kindling_base::{Context, Error, Result, files};
use serde_json::json;
use tokio::task::{JoinHandle, spawn_blocking};

use super::memory::SharedMemory;
use super::qmp::Qmp;
use crate::sys::short_path;
use crate::vmm::{MEMORY, STATE};

/// The socket that QEMU writes its state to, in the VM's folder, for as long as that takes.
const SOCKET: &str = "migration.sock";

/// QEMU begins to send at once, and goes on as fast as we read.
const STALL: Duration = Duration::from_secs(30);

/// A thread of ours that made QEMU fail is about to say why.
const HUNG_UP: Duration = Duration::from_secs(1);

/// Bytes a second, more than any memory copies: QEMU's default of 128 MiB is meant for networks.
const BANDWIDTH: u64 = 1 << 40;

/// Writes the stopped machine of the VM in `folder` to the folder `into`; `memory` if it is shared with us.
pub(super) async fn save(
    qmp: &mut Qmp,
    folder: &Path,
    memory: Option<&SharedMemory>,
    into: &Path,
) -> Result<()> {
    prepare(qmp, memory.is_some()).await?;
    let limits = json!({"max-bandwidth": BANDWIDTH});
    qmp.execute_with("migrate-set-parameters", limits).await?;
    let socket = folder.join(SOCKET);
    files::remove(&socket)?; // what a crash left: the VM's lock is ours
    let opened = files::open(folder)?;
    let what = || format!("cannot listen on {}", socket.display());
    let listener = UnixListener::bind(short_path(&opened, SOCKET)).context(what())?;
    let state = into.join(STATE);
    let receiver = spawn_blocking(move || receive(&listener, &state));
    let uri = json!({"uri": format!("unix:{SOCKET}")});
    qmp.execute_with("migrate", uri).await?;
    if let Err(error) = completed(qmp, "migrate").await {
        // If it is we who failed to take the state, QEMU only knows that we hung up.
        let ours = tokio::time::timeout(HUNG_UP, ended(receiver)).await;
        return Err(ours.ok().and_then(Result::err).unwrap_or(error));
    }
    ended(receiver).await?;
    files::remove(&socket)?;
    if let Some(memory) = memory {
        let (from, to) = (memory.path(), into.join(MEMORY));
        ended(spawn_blocking(move || files::copy(&from, &to, 0o600))).await?;
    }
    Ok(())
}

/// Loads a state into a machine that was started for it; `state` is the number of a descriptor that QEMU inherited.
/// `apart`: the memory is a file of its own.
pub(super) async fn load(qmp: &mut Qmp, state: i32, apart: bool) -> Result<()> {
    prepare(qmp, apart).await?;
    let uri = json!({"uri": format!("fd:{state}")});
    qmp.execute_with("migrate-incoming", uri).await?;
    completed(qmp, "migrate-incoming").await
}

/// Lets the machine run. One that was saved just now can be about to finish with that, of which QEMU tells nobody when
/// the saving failed.
pub(super) async fn unpause(qmp: &mut Qmp) -> Result<()> {
    let deadline = tokio::time::Instant::now() + STALL;
    loop {
        let told = qmp.execute("query-status").await?;
        // A RunState of `qapi/run-state.json`, in which `cont` is refused.
        let finishing = told["status"] == "finish-migrate";
        if !finishing || tokio::time::Instant::now() > deadline {
            return qmp.execute("cont").await.map(drop);
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// Memory that is `apart` is not in the state, which both ends have to know; QEMU tells how the migration goes.
async fn prepare(qmp: &mut Qmp, apart: bool) -> Result<()> {
    let capabilities = json!({"capabilities": [
        {"capability": "x-ignore-shared", "state": apart},
        {"capability": "events", "state": true},
    ]});
    let set = "migrate-set-capabilities";
    qmp.execute_with(set, capabilities).await.map(drop)
}

/// Waits for the end of the migration that `command` began.
async fn completed(qmp: &mut Qmp, command: &str) -> Result<()> {
    // `status` is a MigrationStatus of `qapi/migration.json`.
    let ended = |event: &crate::vmm::qemu::qmp::Event| {
        let status = event.data["status"].as_str()?;
        let ended = matches!(status, "completed" | "failed" | "cancelled");
        (event.name == "MIGRATION" && ended).then(|| status == "completed")
    };
    if qmp.wait_for("the end of a migration", ended).await? {
        return Ok(());
    }
    let told = qmp.execute("query-migrate").await?;
    let why = told["error-desc"]
        .as_str()
        .unwrap_or("QEMU does not say why");
    Err(Error::external(format!("`{command}` failed: {why}")))
}

/// The result of a thread of its own.
async fn ended(thread: JoinHandle<Result<()>>) -> Result<()> {
    let joined = thread.await;
    joined.unwrap_or_else(|error| Err(Error::internal("a thread panicked").because(error)))
}

/// Writes what QEMU sends to the file `state`.
fn receive(listener: &UnixListener, state: &Path) -> Result<()> {
    let mut stream = accept(listener).context("QEMU does not send its state")?;
    let mut file = files::create(state)?;
    std::io::copy(&mut stream, &mut file).context(format!("cannot write {}", state.display()))?;
    Ok(())
}

/// Takes one connection, within a bounded time.
fn accept(listener: &UnixListener) -> std::io::Result<UnixStream> {
    let readable = rustix::event::PollFd::new(listener, rustix::event::PollFlags::IN);
    let timeout = rustix::event::Timespec::try_from(STALL).ok();
    if rustix::event::poll(&mut [readable], timeout.as_ref())? == 0 {
        return Err(std::io::ErrorKind::TimedOut.into());
    }
    let (stream, _) = listener.accept()?;
    stream.set_read_timeout(Some(STALL))?;
    Ok(stream)
}
