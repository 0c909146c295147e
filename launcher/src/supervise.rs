//! The supervisor: starts a VM's machine, follows it to its end and writes down what becomes of it.

use std::fs::File;
use std::io::Write;
use std::time::{Duration, Instant};

use kindling_base::{Context, Error, Result};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::net::UnixStream;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::agent::{self, Agent};
use crate::attach::Visitors;
use crate::console::{Finding, Watcher};
use crate::control::{self, Asked, Request};
use crate::network::{self, Network};
use crate::snapshot::{personal, save};
use crate::state::{CONSOLE_LOG, OwnedVm, Vm};
use crate::status::{Ending, State, StopStep, now_ms};
use crate::timeline::{self, Step};
use crate::vmm::child::Console;
use crate::vmm::engine::{self, Engine};
use crate::vmm::{Event, Machine};

/// How long a guest has to power itself off when nobody says otherwise. A systemd on TCG takes 3 to 10 s.
pub const STOP_GRACE: Duration = Duration::from_secs(30);

/// How long the virtual machine monitor has to quit before it is killed.
const QUIT_GRACE: Duration = Duration::from_secs(3);

/// How long a guest that has given up may go on printing why.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How long the console is read after the virtual machine monitor has ended.
const DRAIN: Duration = Duration::from_secs(1);

/// What a supervisor reports as it happens.
#[derive(Debug)]
pub enum Report<'a> {
    /// Bytes of the serial console.
    Console(&'a [u8]),
    /// The guest is ready.
    Ready(&'a Vm),
    /// The machine is being stopped by this step.
    Stopping(StopStep),
    /// The VM has ended; its status says how.
    Ended(&'a Vm),
}

/// Takes reports; `false` from a [`Report::Console`] means that nobody reads the console any more and the machine
/// is to be stopped.
pub type Sink<'a> = dyn FnMut(Report<'_>) -> bool + 'a;

/// Runs the machine of `owned` to its end, which its status then tells. Interrupt, hang-up and termination signals
/// stop it: the first asks the guest, the second does not.
///
/// # Errors
/// The VM's own files cannot be written. A machine that does not start or ends badly is no error here.
pub async fn supervise(owned: &mut OwnedVm, sink: &mut Sink<'_>) -> Result<()> {
    let vm = &mut owned.vm;
    let requests = control::listen(&vm.folder)?;
    let log_path = vm.folder.join(CONSOLE_LOG);
    let log = File::create(&log_path).context(format!("cannot write {}", log_path.display()))?;
    let signals = Signals::new()?;
    let spawned = Instant::now();
    vm.status.supervisor_pid = Some(std::process::id());
    vm.status.spawned_at_ms = Some(now_ms());
    match start(vm).await {
        Ok((machine, console)) => {
            vm.status.vmm_pid = machine.pid();
            vm.save_status()?;
            let watcher = Watcher::new(&vm.spec.marker);
            let timeout = Duration::from_secs(u64::from(vm.spec.timeout_s));
            let mut run = Run {
                vm,
                sink,
                log,
                watcher,
                spawned,
                asked_at: None,
                step: None,
                deadline: Some(spawned + timeout),
                ending: None,
                machine_said: None,
                visitors: Visitors::new(console.input),
                agent: None,
                button_grace: Duration::ZERO,
                clients: &mut owned.clients,
            };
            let ending = run
                .follow(machine, console.output, requests, signals)
                .await?;
            vm.status.end(ending);
        }
        Err(error) => vm.status.end(Ending::NotStarted {
            report: error.report(),
        }),
    }
    control::close(&vm.folder);
    if let Some(Network::Tap {
        lease,
        leases,
        config,
    }) = &vm.spec.network
    {
        // What stays behind is found again by its lease, so the VM's own end is what is reported.
        let _ = network::detach(config, leases, lease).await;
    }
    vm.save_status()?;
    sink(Report::Ended(vm));
    Ok(())
}

/// Attaches the VM to its network and starts its machine.
async fn start(vm: &Vm) -> Result<(Engine, Console)> {
    if let Some(Network::Tap {
        lease,
        leases,
        config,
    }) = &vm.spec.network
    {
        network::attach(config, leases, lease).await?;
    }
    engine::start(&vm.folder, &vm.spec).await
}

struct Run<'a, 'b> {
    vm: &'a mut Vm,
    sink: &'a mut Sink<'b>,
    log: File,
    watcher: Watcher,
    spawned: Instant,
    /// When stopping began.
    asked_at: Option<Instant>,
    /// The last step of stopping that was taken.
    step: Option<StopStep>,
    /// When the guest has to be ready, or the next step of stopping is due.
    deadline: Option<Instant>,
    /// Why the machine has failed, once we know.
    ending: Option<Ending>,
    /// What the machine said about its end.
    machine_said: Option<Ending>,
    /// Who looks at the console.
    visitors: Visitors,
    /// The guest's agent, where it has one.
    agent: Option<Agent>,
    /// How long the guest has after the power button, where its agent was asked first.
    button_grace: Duration,
    /// Connections to keep open until the end.
    clients: &'a mut Vec<UnixStream>,
}

impl Run<'_, '_> {
    async fn follow(
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

    /// A VM that goes on from a snapshot was ready when that was taken: it is ready again as soon as its agent has made it
    /// a guest of its own, or at once where it has none.
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

    fn arrived(&mut self, arrived: Result<()>) -> Result<()> {
        match arrived {
            Ok(()) => self.found(Finding::Ready),
            Err(_) if self.asked_at.is_some() => Ok(()), // it is stopped anyway
            Err(error) => {
                let report = error.report();
                self.ending = Some(Ending::NotStarted { report });
                self.deadline = Some(Instant::now()); // end it: it is still somebody else's double
                Ok(())
            }
        }
    }

    /// Does what a client asks for.
    async fn take(
        &mut self,
        machine: &mut impl Machine,
        request: Request,
        mut client: UnixStream,
    ) -> Result<()> {
        match request {
            Request::Stop { grace_ms } => {
                self.clients.push(client);
                self.stop(machine, Duration::from_millis(grace_ms)).await
            }
            Request::Agent => {
                // Without an agent, the closed connection says so.
                if let Some(agent) = &self.agent {
                    tokio::spawn(agent.clone().relay(client));
                }
                Ok(())
            }
            Request::Console => {
                self.visitors.admit(client);
                Ok(())
            }
            Request::Save { into } => {
                let saved = if self.vm.status.state == State::Ready {
                    save::save(self.vm, machine, &into).await
                } else {
                    let state = self.vm.status.state.name();
                    Err(Error::user(format!(
                        "only a VM that is ready can be saved; it is {state}"
                    )))
                };
                control::answer(&mut client, saved).await;
                Ok(())
            }
        }
    }

    /// Begins to stop the machine, or hurries the stopping that is under way: the guest has `grace`.
    async fn stop(&mut self, machine: &mut impl Machine, grace: Duration) -> Result<()> {
        if self.asked_at.is_none() {
            self.asked_at = Some(Instant::now());
            self.vm.status.state = State::Stopping;
            self.vm.save_status()?;
            if !grace.is_zero() && self.agent.as_ref().is_some_and(Agent::is_up) {
                let agent = self.agent.clone();
                // Whether it heeds it shows; if not, the next step is due.
                tokio::spawn(async move {
                    if let Some(agent) = agent {
                        let _ = agent.call(&kindling_protocol::Request::PowerOff).await;
                    }
                });
                // The power button has the other half.
                self.button_grace = grace / 2;
                self.took(StopStep::Agent, grace / 2);
                return Ok(());
            }
            if !grace.is_zero() {
                // A guest that cannot be asked is ended by the steps that follow.
                let _ = machine.press_power_button().await;
                self.took(StopStep::PowerButton, grace);
                return Ok(());
            }
        }
        self.button_grace = self.button_grace.min(grace);
        let due = Instant::now() + grace;
        self.deadline = Some(self.deadline.map_or(due, |before| before.min(due)));
        Ok(())
    }

    /// The deadline has passed: the guest is not ready, or a step of stopping did not help.
    async fn overdue(&mut self, machine: &mut impl Machine) -> Result<()> {
        if self.asked_at.is_none() && self.ending.is_none() {
            self.ending = Some(Ending::NeverReady);
        }
        match self.step {
            Some(StopStep::Agent) if !self.button_grace.is_zero() => {
                let _ = machine.press_power_button().await;
                self.took(StopStep::PowerButton, self.button_grace);
            }
            None | Some(StopStep::Agent) | Some(StopStep::PowerButton) => {
                let _ = machine.quit().await; // if that fails, the next step is due soon
                self.took(StopStep::Quit, QUIT_GRACE);
            }
            Some(StopStep::Quit | StopStep::Kill) => {
                machine.kill()?;
                self.took(StopStep::Kill, QUIT_GRACE);
            }
        }
        Ok(())
    }

    fn took(&mut self, step: StopStep, grace: Duration) {
        self.step = Some(step);
        self.deadline = Some(Instant::now() + grace);
        (self.sink)(Report::Stopping(step));
    }

    /// How the machine ended, once its process has.
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

/// What the guest's personalisation came to; for ever where none is under way.
async fn arrived(arrival: &mut Option<JoinHandle<Result<()>>>) -> Result<()> {
    match arrival {
        Some(arrival) => arrival
            .await
            .unwrap_or_else(|error| Err(Error::internal("a task panicked").because(error))),
        None => std::future::pending().await,
    }
}

/// Waits until then, or for ever.
async fn until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => tokio::time::sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// The signals that ask us to end.
struct Signals([Signal; 3]);

impl Signals {
    fn new() -> Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self([
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        ]))
    }

    async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
