//! The status of a VM: the contents of its `status.json`.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kindling_base::{Error, Failure, Result, files};
use serde::{Deserialize, Deserializer, Serialize};

use crate::vmm::Vmm;

/// The stage of a VM's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// Its guest is not ready yet.
    Starting,
    /// Its guest has said that it is ready.
    Ready,
    /// It has been asked to stop.
    Stopping,
    /// It has ended as it should.
    Stopped,
    /// It has ended badly; [`Status::ending`] says how.
    Failed,
    /// Its supervisor died without writing down an end, and the machine with it.
    Dead,
}

impl State {
    /// Whether a machine runs or is about to.
    pub fn is_live(self) -> bool {
        matches!(self, State::Starting | State::Ready | State::Stopping)
    }

    /// One lowercase word.
    pub fn name(self) -> &'static str {
        match self {
            State::Starting => "starting",
            State::Ready => "ready",
            State::Stopping => "stopping",
            State::Stopped => "stopped",
            State::Failed => "failed",
            State::Dead => "dead",
        }
    }
}

/// The end of a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Ending {
    /// The guest powered itself off.
    PoweredOff,
    /// The guest reset itself, which ends a machine of ours.
    Reset,
    /// It was asked to stop.
    Stopped {
        /// The last step that was needed.
        by: StopStep,
        /// Milliseconds from the request to the end.
        took_ms: u64,
    },
    /// The guest gave up: a kernel panic or a failure of PID 1.
    Panicked {
        /// Its line on the console.
        line: String,
    },
    /// The guest was not ready in time.
    NeverReady,
    /// The virtual machine monitor ended by itself.
    VmmExited {
        /// Its name.
        #[serde(default = "qemu")]
        program: String,
        /// Its exit status, for a person.
        status: String,
    },
    /// The machine could not be started.
    NotStarted {
        /// The reason. Older files have the text of a report instead.
        #[serde(alias = "report", deserialize_with = "failure_or_report")]
        failure: Failure,
    },
}

/// The steps of stopping, each taken when the one before did not end the machine in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopStep {
    /// The guest was asked, through its agent.
    Agent,
    /// The guest was asked, by the power button.
    PowerButton,
    /// The virtual machine monitor was asked to quit.
    Quit,
    /// The virtual machine monitor was killed.
    Kill,
}

/// A VM's state with time stamps. Points in time are milliseconds since 1970, durations count from the start of the
/// virtual machine monitor's process on a clock that nobody sets.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// The stage of its life.
    pub state: State,
    /// The process that holds the VM's lock.
    pub supervisor_pid: Option<u32>,
    /// The virtual machine monitor's process.
    pub vmm_pid: Option<u32>,
    /// The time at which the VM was made.
    pub created_at_ms: u64,
    /// The time at which the virtual machine monitor was started.
    pub spawned_at_ms: Option<u64>,
    /// The time of the console's first byte.
    pub first_output_after_ms: Option<u64>,
    /// The time of the guest's readiness.
    pub ready_after_ms: Option<u64>,
    /// The time of its end.
    pub ended_at_ms: Option<u64>,
    /// The end, once it has ended.
    pub ending: Option<Ending>,
}

impl Status {
    /// The status of a VM that was made just now.
    pub(crate) fn new() -> Self {
        Self {
            state: State::Starting,
            supervisor_pid: None,
            vmm_pid: None,
            created_at_ms: now_ms(),
            spawned_at_ms: None,
            first_output_after_ms: None,
            ready_after_ms: None,
            ended_at_ms: None,
            ending: None,
        }
    }

    /// Notes that the machine has ended and how.
    pub(crate) fn end(&mut self, ending: Ending) {
        let asked = matches!(ending, Ending::Stopped { .. });
        let by_itself = matches!(ending, Ending::PoweredOff | Ending::Reset);
        let well = asked || by_itself && self.ready_after_ms.is_some();
        self.state = if well { State::Stopped } else { State::Failed };
        self.ended_at_ms = Some(now_ms());
        self.ending = Some(ending);
        self.vmm_pid = None;
        self.supervisor_pid = None;
    }

    /// Notes that the supervisor died: nobody knows when.
    pub(crate) fn die(&mut self) {
        self.state = State::Dead;
        self.vmm_pid = None;
        self.supervisor_pid = None;
    }

    /// The time for which the machine has been running; `None` if it is not.
    pub fn uptime(&self) -> Option<Duration> {
        let spawned = self.spawned_at_ms.filter(|_| self.state.is_live())?;
        Some(Duration::from_millis(now_ms().saturating_sub(spawned)))
    }

    /// The time from the start of the virtual machine monitor to readiness.
    pub fn ready_after(&self) -> Option<Duration> {
        self.ready_after_ms.map(Duration::from_millis)
    }
}

/// Reads a failure, or the report of one that an earlier Kindling wrote down.
fn failure_or_report<'de, D: Deserializer<'de>>(written: D) -> Result<Failure, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Written {
        Failure(Failure),
        Report(String),
    }
    Ok(match Written::deserialize(written)? {
        Written::Failure(failure) => failure,
        Written::Report(report) => {
            let message = report.strip_prefix("error: ").unwrap_or(&report);
            Failure::from(&Error::external(message))
        }
    })
}

/// The monitor of statuses that do not name one: earlier versions of Kindling had no other.
fn qemu() -> String {
    Vmm::Qemu.title().to_owned()
}

/// Reads a `status.json`.
///
/// # Errors
/// It is missing or does not parse.
pub(crate) fn read(path: &Path) -> Result<Status> {
    serde_json::from_slice(&files::read(path)?).map_err(|error| {
        Error::internal(format!("{} does not parse", path.display())).because(error)
    })
}

/// Writes a `status.json` at once.
///
/// # Errors
/// It cannot be written.
pub(crate) fn write(path: &Path, status: &Status) -> Result<()> {
    let text = serde_json::to_vec_pretty(status)
        .map_err(|error| Error::internal("cannot write a status as JSON").because(error))?;
    // Not synced: the machine that this is about does not survive a power cut either.
    files::replace(path, &text, 0o600)
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    now.map_or(0, |d| u64::try_from(d.as_millis()).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_start_that_failed_is_told_whole_and_older_statuses_are_read() {
        let error = Error::user("no TAP").note("bridge: br0").hint("be root");
        let failure = Failure::from(&error);
        let ending = Ending::NotStarted { failure };
        let json = serde_json::to_value(&ending).unwrap();
        assert_eq!(json["failure"]["hint"], "be root");
        assert_eq!(serde_json::from_value::<Ending>(json).unwrap(), ending);
        let report = "error: no TAP\n  bridge: br0\nhint: be root";
        let older = serde_json::json!({"kind": "not_started", "report": report});
        let Ending::NotStarted { failure } = serde_json::from_value(older).unwrap() else {
            panic!("another ending");
        };
        assert_eq!(Error::from(failure).report(), report);
    }
}
