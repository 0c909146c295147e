//! The guest's own account of its boot, and the place of its clock on the host's.

use std::time::Duration;

use kindling_base::Result;
use kindling_bench::guest::{
    CRITICAL_CHAIN, MANAGER, UNITS, initcalls, manager, network_ms, painted_ms, units,
};
use kindling_bench::{ClockJoin, Milestone, Points, Profile};

use kindling_launcher::timeline::{self, Step};
use kindling_launcher::{CONSOLE_LOG, StateFolder, Vm, capture, ping};

/// The time that a guest may take to answer: a program that starts where instructions are translated takes a tenth of a second,
/// and units that start late are waited for.
const LIMIT: Duration = Duration::from_secs(60);

/// Pings, of which the quickest counts.
const PINGS: usize = 9;

/// The agent says milliseconds, rounded down: the truth is half of one later, give or take as much.
const ROUNDING_MS: f64 = 0.5;

/// The marker's own time has two decimals; and the line takes its way over the serial port after it was read.
const MARKER_BOUND_MS: f64 = 25.0;

/// The account of a guest.
#[derive(Clone, Debug, Default)]
pub(super) struct Told {
    /// The place of its clock on the host's.
    pub(super) clock: Option<ClockJoin>,
    /// Its milestones, in milliseconds of its own clock.
    pub(super) points: Points,
    /// At length, where it was asked so.
    pub(super) profile: Option<Profile>,
}

/// Asks the guest of `vm`, which is ready and was started by a command that began at `started_ns`.
pub(super) async fn ask(
    state: &StateFolder,
    vm: &Vm,
    started_ns: u64,
    at_length: bool,
) -> Result<Told> {
    let marker = by_marker(vm, started_ns);
    if !vm.spec.agent {
        return Ok(Told {
            clock: marker,
            points: Points::from([(Milestone::KernelStart, 0.0)]),
            profile: None,
        });
    }
    let name = &vm.spec.name;
    let clock = by_agent(state, name, started_ns).await?;
    let mut told = Told {
        clock: Some(clock),
        points: Points::from([(Milestone::KernelStart, 0.0)]),
        profile: None,
    };
    // Whatever comes of it: a system with a failed unit is not "running", but has ended its start.
    capture(
        state,
        name,
        &["systemctl", "is-system-running", "--wait"],
        LIMIT,
    )
    .await?;
    let answer = capture(state, name, &MANAGER, LIMIT).await?;
    let Some(manager) = answer.as_deref().and_then(manager) else {
        return Ok(told); // another init
    };
    let listed = capture(state, name, &UNITS, LIMIT).await?;
    let units = units(listed.as_deref().unwrap_or_default());
    let points = [
        (Milestone::InitStart, Some(manager.userspace_ms)),
        (Milestone::UnitsDone, manager.finish_ms),
        (Milestone::NetworkUp, network_ms(&units)),
        (Milestone::Painted, painted_ms(&units)),
    ];
    let known = points.into_iter().filter_map(|(at, ms)| Some((at, ms?)));
    told.points.extend(known);
    if at_length {
        let chain = capture(state, name, &CRITICAL_CHAIN, LIMIT).await?;
        told.profile = Some(Profile {
            units,
            init_ms: manager.userspace_ms,
            critical_chain: chain.unwrap_or_default(),
            initcalls: Vec::new(),
        });
    }
    Ok(told)
}

/// The kernel's own steps, of a guest that was booted with `initcall_debug`.
pub(super) async fn kernel_log(state: &StateFolder, name: &str) -> Result<String> {
    let log = capture(state, name, &["dmesg"], LIMIT).await?;
    Ok(log.unwrap_or_default())
}

/// Adds the kernel's own steps to a profile.
pub(super) fn add_initcalls(profile: &mut Profile, log: &str) {
    profile.initcalls = initcalls(log);
}

/// Places the guest's clock by asking its agent what it shows: the answer was true at some time between the question and
/// the answer, and the quickest exchange says most.
async fn by_agent(state: &StateFolder, name: &str, started_ns: u64) -> Result<ClockJoin> {
    let mut best: Option<ClockJoin> = None;
    for _ in 0..PINGS {
        let ping = ping(state, name).await?;
        let since = |ns: u64| ns.saturating_sub(started_ns) as f64 / 1e6;
        let (sent, received) = (since(ping.sent_ns), since(ping.received_ns));
        let join = ClockJoin {
            zero_ms: f64::midpoint(sent, received) - (ping.uptime_ms as f64 + ROUNDING_MS),
            bound_ms: (received - sent) / 2.0 + ROUNDING_MS,
            by_agent: true,
        };
        if best.is_none_or(|best| join.bound_ms < best.bound_ms) {
            best = Some(join);
        }
    }
    best.ok_or_else(|| kindling_base::Error::internal("no ping was sent"))
}

/// Places the guest's clock by the marker, where that has the seconds since the kernel's start behind it.
fn by_marker(vm: &Vm, started_ns: u64) -> Option<ClockJoin> {
    let ready_ns = *timeline::read(&vm.folder).ok()?.get(&Step::Ready)?;
    let console = std::fs::read(vm.folder.join(CONSOLE_LOG)).ok()?;
    let seconds = marker_seconds(&String::from_utf8_lossy(&console), &vm.spec.marker)?;
    let ready_ms = ready_ns.saturating_sub(started_ns) as f64 / 1e6;
    Some(ClockJoin {
        zero_ms: ready_ms - seconds * 1e3,
        bound_ms: MARKER_BOUND_MS,
        by_agent: false,
    })
}

/// The seconds behind the marker on its line.
pub(super) fn marker_seconds(console: &str, marker: &str) -> Option<f64> {
    let mut lines = console.lines().filter_map(|line| line.strip_prefix(marker));
    let seconds: f64 = lines.next()?.trim().parse().ok()?;
    (seconds.is_finite() && seconds >= 0.0).then_some(seconds)
}
