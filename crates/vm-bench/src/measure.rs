//! One round of one job: its command is run, its VMs are looked at and removed.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use kindling_base::{Context, Error, Result};
use kindling_bench::{Milestone, Points, Profile, Run, engine};

use super::child::Child;
use super::guest::{self, Told};
use super::job::Job;
use super::session::Bench;
use super::{footprint, http, machine};
use kindling_launcher::network::Network;
use kindling_launcher::timeline::{self, Step};
use kindling_launcher::{StateFolder, Vm, Vmm, firecracker, remove, stop};

/// The time that a command may take beyond that of its VM: hashing a bundle, a busy machine.
const MARGIN: Duration = Duration::from_secs(60);

/// VMs that a command has started and that are ready.
#[derive(Debug)]
pub(super) struct Started {
    /// Their names.
    pub(super) names: Vec<String>,
    /// The time of the command's start, in nanoseconds of CLOCK_MONOTONIC.
    pub(super) started_ns: u64,
    /// The time of its return.
    returned_ns: u64,
    /// The time at which the guest's port answered.
    answered_ns: Option<u64>,
}

impl Started {
    /// The one VM.
    ///
    /// # Errors
    /// There are more.
    pub(super) fn only(&self) -> Result<&str> {
        match self.names.as_slice() {
            [name] => Ok(name),
            _ => Err(Error::internal("a job started more than one VM")),
        }
    }
}

/// The result of a round.
#[derive(Debug)]
pub(super) struct Measured {
    pub(super) runs: Vec<Run>,
    /// The first of its VMs.
    pub(super) vm: Vm,
    /// The guest's account of its boot, if it was asked.
    pub(super) profile: Option<Profile>,
}

/// Runs the job's command until its VMs are ready and answer.
pub(super) async fn start(bench: &Bench<'_>, job: &Job) -> Result<Started> {
    let name = bench.name();
    let port = job.publishes(bench).then(free_port).transpose()?;
    let arguments = job.arguments(bench, &name, port);
    let names = job.names(&name);
    let limit = Duration::from_secs(u64::from(bench.options.timeout_s)) + MARGIN;
    let child = Child::start(bench.session.program, &arguments)?;
    let started_ns = child.started_ns;
    let (returned_ns, answered_ns) =
        futures_util::future::try_join(child.end(limit), answer(bench, &names, port, limit))
            .await?;
    Ok(Started {
        names,
        started_ns,
        returned_ns,
        answered_ns,
    })
}

/// Runs one round. With `profile`, the guest is asked about its boot at length.
pub(super) async fn measure(
    bench: &Bench<'_>,
    job: &Job,
    round: u32,
    profile: bool,
) -> Result<Measured> {
    let state = bench.session.state;
    let load = machine::load()?;
    let started = start(bench, job).await?;
    let several = started.names.len() > 1;
    let mut runs = Vec::new();
    let mut first = None;
    let mut told_profile = None;
    for (name, number) in started.names.iter().zip(1..) {
        let vm = state.find(name)?;
        vm.check()?;
        let mut run = Run {
            round,
            clone: several.then_some(number),
            load,
            at_ms: points(&started, &vm)?,
            footprint: Some(footprint::of(&vm)?),
            ..Run::default()
        };
        if vm.spec.resume_from.is_none() {
            let told = guest::ask(state, &vm, started.started_ns, profile).await?;
            told.place(&mut run);
            told_profile = profile
                .then(|| told.profile.clone())
                .flatten()
                .or(told_profile);
        }
        runs.push(run);
        first.get_or_insert(vm);
    }
    for (name, run) in started.names.iter().zip(&mut runs) {
        stop(state, name, Duration::ZERO).await?; // Firecracker writes its metrics
        monitor(state, name, run)?;
        remove(state, name, true).await?;
    }
    let vm = first.ok_or_else(|| Error::internal("a job started no VM"))?;
    Ok(Measured {
        runs,
        vm,
        profile: told_profile,
    })
}

/// The times of a VM's milestones, from the start of the command.
fn points(started: &Started, vm: &Vm) -> Result<Points> {
    let since = |ns: u64| ns.saturating_sub(started.started_ns) as f64 / 1e6;
    let steps = timeline::read(&vm.folder)?;
    let mut points: Points = steps
        .into_iter()
        .map(|(step, at_ns)| (milestone(step), since(at_ns)))
        .collect();
    points.insert(Milestone::Returned, since(started.returned_ns));
    if let Some(at_ns) = started.answered_ns {
        points.insert(Milestone::HttpAnswer, since(at_ns));
    }
    Ok(points)
}

fn milestone(step: Step) -> Milestone {
    match step {
        Step::Spawned => Milestone::Spawned,
        Step::VmmReady => Milestone::VmmReady,
        Step::Running => Milestone::Running,
        Step::FirstOutput => Milestone::FirstOutput,
        Step::AgentAnswer => Milestone::AgentAnswer,
        Step::Ready => Milestone::Ready,
    }
}

/// Adds what the monitor itself reports of its start.
fn monitor(state: &StateFolder, name: &str, run: &mut Run) -> Result<()> {
    let vm = state.find(name)?;
    if vm.spec.vmm == Vmm::Firecracker {
        let read = |file: &str| std::fs::read_to_string(vm.folder.join(file)).unwrap_or_default();
        run.monitor_ms = engine::metrics_ms(&read(firecracker::METRICS));
        if let Some(ms) = engine::boot_timer_ms(&read(firecracker::LOG)) {
            run.monitor_ms.insert("boot timer".to_owned(), ms);
        }
    }
    Ok(())
}

/// The time at which the guest's port answered, if one has to.
async fn answer(
    bench: &Bench<'_>,
    names: &[String],
    port: Option<u16>,
    limit: Duration,
) -> Result<Option<u64>> {
    let (Some(until), Some(name)) = (&bench.options.until, names.first()) else {
        return Ok(None);
    };
    let asking = async {
        runs(bench.session.state, name).await;
        let address = match port {
            Some(port) => SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            None => address(bench.session.state, name, until.port).await?,
        };
        Ok(http::answered(address, until).await)
    };
    match tokio::time::timeout(limit, asking).await {
        Ok(answered) => answered.map(Some),
        Err(_) => Err(Error::external(format!(
            "{until} did not answer within {} s",
            limit.as_secs()
        ))
        .hint(
            "does the image listen there? try `kindling run` with --publish and ask it yourself",
        )),
    }
}

/// Waits until the processors of a VM run: before that nobody can answer, and QEMU would keep connections for later. To be
/// bounded by the caller.
async fn runs(state: &StateFolder, name: &str) {
    /// Short against any start.
    const PAUSE: Duration = Duration::from_millis(1);
    let folder = state.vms_folder().join(name);
    while !timeline::read(&folder).is_ok_and(|steps| steps.contains_key(&Step::Running)) {
        tokio::time::sleep(PAUSE).await;
    }
}

/// The address that a VM on a bridge is given; waits until it is. To be bounded by the caller.
async fn address(state: &StateFolder, name: &str, port: u16) -> Result<SocketAddr> {
    /// Short against any start.
    const PAUSE: Duration = Duration::from_millis(2);
    loop {
        match state.find(name).ok().map(|vm| vm.spec.network) {
            None => tokio::time::sleep(PAUSE).await,
            Some(Some(Network::Tap { lease, .. })) => {
                return Ok(SocketAddr::from((lease.address.address, port)));
            }
            Some(_) => {
                return Err(
                    Error::user(format!("`{name}` has no network to be asked over"))
                        .hint("leave out --until, or use --network tap"),
                );
            }
        }
    }
}

/// A port of the loopback address that was free a moment ago.
fn free_port() -> Result<u16> {
    let what = "cannot find a free port";
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context(what)?;
    Ok(listener.local_addr().context(what)?.port())
}

impl Told {
    /// Adds the guest's own times, where its clock could be placed.
    fn place(&self, run: &mut Run) {
        run.clock = self.clock;
        if let Some(clock) = self.clock {
            let placed = self.points.iter();
            run.at_ms
                .extend(placed.map(|(milestone, ms)| (*milestone, clock.zero_ms + ms)));
        }
    }
}
