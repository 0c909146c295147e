//! A running Firecracker as a [`Machine`].

use std::path::{Path, PathBuf};
use std::time::Duration;

use kindling_base::{Context, Error, Result, files};
use rustix::process::{Pid, Signal, kill_process};
use tokio::net::UnixStream;

use super::api::body::{Action, ActionType, SnapshotCreate, SnapshotType, Vm, VmState};
use super::jail::Place;
use super::process::{self, Process};
use super::uffd::Handler;
use super::{MEMORY, STATE};
use crate::vmm::{Event, Machine};

/// The time that the page-fault handler may take to see that Firecracker is gone.
const LAST_PAGES: Duration = Duration::from_secs(2);

/// A machine on Firecracker.
#[derive(Debug)]
pub(crate) struct Firecracker {
    process: Process,
    folder: PathBuf,
    memory_mib: u32,
    /// Its working folder; a jail is removed after it.
    place: Place,
    /// Our page-fault handler, as long as its end was not seen.
    pages: Option<Handler>,
    /// Why we killed the process.
    failure: Option<Error>,
    /// The channel to the guest's agent, until somebody takes it.
    agent: Option<UnixStream>,
    /// The last event, once the one before it was told.
    last: Option<Event>,
}

impl Firecracker {
    pub(super) fn new(
        process: Process,
        folder: &Path,
        memory_mib: u32,
        place: Place,
        pages: Option<Handler>,
        agent: Option<UnixStream>,
    ) -> Self {
        Self {
            process,
            folder: folder.to_owned(),
            memory_mib,
            place,
            pages,
            failure: None,
            agent,
            last: None,
        }
    }

    async fn act(&mut self, action_type: ActionType) -> Result<()> {
        let action = Action { action_type };
        self.process.api.put("/actions", &action).await
    }

    async fn set(&mut self, state: VmState) -> Result<()> {
        self.process.api.patch("/vm", &Vm { state }).await
    }
}

impl Machine for Firecracker {
    fn pid(&self) -> Option<u32> {
        self.process.child.id()
    }

    async fn event(&mut self) -> Result<Event> {
        if let Some(last) = self.last.take() {
            return Ok(last);
        }
        let status = loop {
            let Some(pages) = &mut self.pages else {
                break self.process.child.wait().await;
            };
            tokio::select! {
                status = self.process.child.wait() => break status,
                lost = pages.ended() => {
                    self.pages = None;
                    if let Some(lost) = lost {
                        self.failure = Some(lost);
                        self.kill()?; // its guest would wait for pages forever
                    }
                }
            }
        };
        let status = status.context("cannot wait for Firecracker")?;
        if let Some(mut pages) = self.pages.take() {
            // It writes down the working set and ends.
            let _ = tokio::time::timeout(LAST_PAGES, pages.ended()).await;
        }
        let said = match &self.failure {
            Some(failure) => format!("its page-fault handler failed: {failure}"),
            None => status.to_string(), // `exit status: 1`, `signal: 9 (SIGKILL)`
        };
        let exited = Event::Exited {
            well: status.success(),
            status: said,
        };
        if !status.success() {
            return Ok(exited);
        }
        // Without an error it ends for one reason only: the guest has reset itself.
        self.last = Some(exited);
        Ok(Event::Reset)
    }

    async fn press_power_button(&mut self) -> Result<()> {
        self.act(ActionType::SendCtrlAltDel).await
    }

    async fn quit(&mut self) -> Result<()> {
        // There is no request for it. What the guest has written is in the host's page cache.
        let _ = self.act(ActionType::FlushMetrics).await;
        let pid = self.pid().and_then(|pid| Pid::from_raw(pid.cast_signed()));
        match pid {
            // Nobody has waited for it yet, so the number is still its own.
            Some(pid) => kill_process(pid, Signal::TERM).context("cannot end Firecracker"),
            None => Ok(()),
        }
    }

    fn kill(&mut self) -> Result<()> {
        self.process
            .child
            .start_kill()
            .context("cannot kill Firecracker")
    }

    fn take_agent(&mut self) -> Option<UnixStream> {
        self.agent.take()
    }

    async fn pause(&mut self) -> Result<()> {
        self.set(VmState::Paused).await
    }

    async fn unpause(&mut self) -> Result<()> {
        self.set(VmState::Resumed).await
    }

    async fn save(&mut self, into: &Path) -> Result<()> {
        let into = files::absolute(into)?; // Firecracker has another working folder
        let saving = self.place.saving(&into)?;
        let create = SnapshotCreate {
            snapshot_type: SnapshotType::Full,
            snapshot_path: &saving.path.join(STATE),
            mem_file_path: &saving.path.join(MEMORY),
        };
        let saved = self
            .process
            .api
            .put_writing("/snapshot/create", &create, self.memory_mib)
            .await;
        saved.map_err(|error| process::explain(error, &self.folder))?;
        saving.finish(&into, &[STATE, MEMORY])
    }
}
