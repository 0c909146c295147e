//! The course of a VM's life from the start of its machine to its end: output, readiness, requests, signals, deadlines.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use kindling_base::{Context, Error, Failure, Result};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use super::signals::Signals;
use super::visitors::Visitors;
use super::{Report, STOP_GRACE, Sink};
use crate::agent::{self, Agent};
use crate::console::{Finding, Watcher};
use crate::snapshot::personal;
use crate::vm::control::Asked;
use crate::vm::status::{Ending, State, StopStep};
use crate::vm::timeline::{self, Step};
use crate::vm::{CONSOLE_LOG, Vm};
use crate::vmm::{Event, Machine};

/// The time for which a guest that has given up may go on printing why.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// The time for which the console is read after the virtual machine monitor has ended.
const DRAIN: Duration = Duration::from_secs(1);

/// The course of a running machine, and what is done at each event.
pub(super) struct Course<'a, 'b> {
    pub(super) vm: &'a mut Vm,
    pub(super) sink: &'a mut Sink<'b>,
    log: File,
    watcher: Watcher,
    spawned: Instant,
    /// The time at which stopping began.
    pub(super) asked_at: Option<Instant>,
    /// The last step of stopping that was taken.
    pub(super) step: Option<StopStep>,
    /// The time by which the guest has to be ready, or the next step of stopping is due.
    pub(super) deadline: Option<Instant>,
    /// The failure of the machine, once we know it.
    pub(super) ending: Option<Ending>,
    /// The end as the machine told it.
    machine_said: Option<Ending>,
    /// Clients of the console.
    pub(super) visitors: Visitors,
    /// The guest's agent, if it has one.
    pub(super) agent: Option<Agent>,
    /// The time that the guest has after the power button, if its agent was asked first.
    pub(super) button_grace: Duration,
    /// Connections to keep open until the end.
    pub(super) clients: &'a mut Vec<UnixStream>,
}

impl<'a, 'b> Course<'a, 'b> {
    /// A course that has just begun: the machine's process was started at `spawned`, `input` is the guest's serial input,
    /// and `clients` gets the connections to keep open until the end.
    pub(super) fn new(
        vm: &'a mut Vm,
        sink: &'a mut Sink<'b>,
        log: File,
        spawned: Instant,
        input: Option<pipe::Sender>,
        clients: &'a mut Vec<UnixStream>,
    ) -> Self {
        let timeout = Duration::from_secs(u64::from(vm.spec.timeout_s));
        Self {
            watcher: Watcher::new(&vm.spec.marker),
            vm,
            sink,
            log,
            spawned,
            asked_at: None,
            step: None,
            deadline: Some(spawned + timeout),
            ending: None,
            machine_said: None,
            visitors: Visitors::new(input),
            agent: None,
            button_grace: Duration::ZERO,
            clients,
        }
    }

    /// Follows the machine until its process has ended and its console is read to the end; returns how it ended.
    pub(super) async fn follow(
        &mut self,
        mut machine: impl Machine,
        mut console: impl AsyncRead + Unpin,
        mut requests: mpsc::Receiver<Asked>,
        mut signals: Signals,
    ) -> Result<Ending> {
        self.agent = machine.take_agent().map(agent::start);
        if let Some(agent) = self.agent.clone() {
            let folder = self.vm.folder.clone();
            tokio::spawn(async move {
                if agent.answered().await.is_ok() {
                    timeline::note(&folder, Step::AgentAnswer);
                }
            });
        }
        let mut arrival = self.arrive()?;
        let mut buffer = vec![0; 64 << 10];
        let mut console_open = true;
        let exit = loop {
            tokio::select! {
                read = console.read(&mut buffer), if console_open => match read {
                    Ok(0) | Err(_) => console_open = false,
                    Ok(count) => {
                        if !self.output(&buffer[..count])? {
                            self.stop(&mut machine, Duration::ZERO).await?;
                        }
                    }
                },
                event = machine.event() => match event? {
                    Event::PoweredOff => self.machine_said = Some(Ending::PoweredOff),
                    Event::Reset => self.machine_said = Some(Ending::Reset),
                    Event::Exited { well, status } => break (well, status),
                },
                arrived = arrived(&mut arrival), if arrival.is_some() => {
                    arrival = None;
                    self.arrived(arrived)?;
                }
                () = until(self.deadline) => self.overdue(&mut machine).await?,
                () = signals.next() => {
                    let grace = if self.asked_at.is_none() { STOP_GRACE } else { Duration::ZERO };
                    self.stop(&mut machine, grace).await?;
                }
                Some((request, client)) = requests.recv() => {
                    self.take(&mut machine, request, client).await?;
                }
            }
        };
        // What the guest wrote last may still be on its way: the panic that explains the end.
        let drained = Instant::now() + DRAIN;
        while console_open
            && let Ok(Ok(count @ 1..)) =
                tokio::time::timeout_at(drained.into(), console.read(&mut buffer)).await
        {
            self.output(&buffer[..count])?;
        }
        if let Some(finding) = self.watcher.finish() {
            self.found(finding)?;
        }
        Ok(self.ending(exit))
    }

    /// Logs, shows and reads the console; returns whether somebody still wants it.
    fn output(&mut self, bytes: &[u8]) -> Result<bool> {
        self.log.write_all(bytes).context(format!(
            "cannot write {}",
            self.vm.folder.join(CONSOLE_LOG).display()
        ))?;
        if self.vm.status.first_output_after_ms.is_none() {
            timeline::note(&self.vm.folder, Step::FirstOutput);
            self.vm.status.first_output_after_ms = Some(self.elapsed_ms());
        }
        self.visitors.show(bytes);
        let wanted = (self.sink)(Report::Console(bytes));
        for finding in self.watcher.feed(bytes) {
            self.found(finding)?;
        }
        Ok(wanted || self.asked_at.is_some())
    }

    fn found(&mut self, finding: Finding) -> Result<()> {
        match finding {
            Finding::Ready if self.ending.is_none() => {
                timeline::note(&self.vm.folder, Step::Ready);
                self.vm.status.ready_after_ms = Some(self.elapsed_ms());
                if self.asked_at.is_none() {
                    self.deadline = None;
                    self.vm.status.state = State::Ready;
                    self.vm.save_status()?;
                }
                (self.sink)(Report::Ready(self.vm));
            }
            Finding::Ready => {}
            Finding::Failed(line) => {
                self.ending = Some(Ending::Panicked { line });
                self.deadline = Some(Instant::now() + LAST_WORDS);
            }
        }
        Ok(())
    }

    /// Begins the arrival of a VM that goes on from a snapshot. It was ready when that was taken, and is ready again once its
    /// agent has personalised it, or at once without an agent.
    fn arrive(&mut self) -> Result<Option<JoinHandle<Result<()>>>> {
        if self.vm.spec.resume_from.is_none() {
            return Ok(None);
        }
        let Some(agent) = self.agent.clone() else {
            self.found(Finding::Ready)?;
            return Ok(None);
        };
        let spec = self.vm.spec.clone();
        Ok(Some(tokio::spawn(personal::personalise(agent, spec))))
    }

    /// Takes the result of the guest's personalisation.
    fn arrived(&mut self, arrived: Result<()>) -> Result<()> {
        match arrived {
            Ok(()) => self.found(Finding::Ready),
            Err(_) if self.asked_at.is_some() => Ok(()), // it is stopped anyway
            Err(error) => {
                let failure = Failure::from(&error);
                self.ending = Some(Ending::NotStarted { failure });
                self.deadline = Some(Instant::now()); // end it: it still has the snapshot's identity
                Ok(())
            }
        }
    }

    /// The end of the machine, once its process has ended.
    fn ending(&mut self, (well, status): (bool, String)) -> Ending {
        if let Some(ending) = self.ending.take() {
            return ending;
        }
        if let Some(asked_at) = self.asked_at {
            return Ending::Stopped {
                by: self.step.unwrap_or(StopStep::Quit),
                took_ms: millis(asked_at.elapsed()),
            };
        }
        match self.machine_said.take() {
            Some(ending) if well => ending,
            _ => Ending::VmmExited {
                program: self.vm.spec.vmm.title().to_owned(),
                status,
            },
        }
    }

    fn elapsed_ms(&self) -> u64 {
        millis(self.spawned.elapsed())
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Waits for the result of the guest's personalisation; forever if none is under way.
async fn arrived(arrival: &mut Option<JoinHandle<Result<()>>>) -> Result<()> {
    match arrival {
        Some(arrival) => arrival
            .await
            .unwrap_or_else(|error| Err(Error::internal("a task panicked").because(error))),
        None => std::future::pending().await,
    }
}

/// Waits until the deadline; forever without one.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// Creates the console's log in a VM's folder.
///
/// # Errors
/// It cannot be written.
pub(super) fn console_log(folder: &Path) -> Result<File> {
    let path = folder.join(CONSOLE_LOG);
    File::create(&path).context(format!("cannot write {}", path.display()))
}
