//! Facts that every form of a report states: the machine, the outliers, the figures of a milestone, the clock's error.

use serde::Serialize;

use crate::comparison::{Comparison, Ratio};
use crate::report::{Report, Run, Subject};
use crate::stats::{Estimate, Summary};
use crate::text::{hundredths, ms};

/// A line about the machine or the measurement.
#[derive(Debug, Serialize)]
pub(crate) struct Fact {
    pub(crate) name: &'static str,
    pub(crate) value: String,
    /// Whether the value is a command or another text that is to be copied.
    pub(crate) is_code: bool,
}

/// The machine, the settings and the command of a report.
pub(crate) fn machine(report: &Report) -> Vec<Fact> {
    let (machine, settings) = (&report.machine, &report.settings);
    let inside = if machine.virtual_machine {
        ", itself a VM"
    } else {
        ""
    };
    let governor = machine.governor.as_deref().unwrap_or("none shown");
    let (before, after) = (machine.load_before, machine.load_after);
    let (runs, warmup) = (settings.runs, settings.warmup);
    let fact = |name, value| Fact {
        name,
        value,
        is_code: false,
    };
    vec![
        fact(
            "processor",
            format!("{}, {} online{inside}", machine.cpu, machine.cpus),
        ),
        fact("governor", governor.to_owned()),
        fact("KVM", machine.kvm.clone()),
        fact("kernel", machine.kernel.clone()),
        fact("memory", format!("{} MiB", machine.memory_mib)),
        fact(
            "load of the last minute",
            format!("{before:.2} before, {after:.2} after"),
        ),
        fact(
            "rounds",
            format!("{runs} after {warmup} of warm-up, in turns"),
        ),
        Fact {
            is_code: true,
            ..fact("command", report.command.clone())
        },
        fact("kindling", report.kindling.clone()),
    ]
}

/// The runs that lie apart at the goal, each with its time and the machine's load.
pub(crate) fn outliers(subject: &Subject) -> Vec<String> {
    let (Some(goal), Some(summary)) = (subject.goal(), subject.goal_summary()) else {
        return Vec::new();
    };
    let apart = summary
        .outliers
        .iter()
        .filter_map(|at| subject.runs.get(*at));
    let told = apart.map(|run| {
        let at = run.at_ms.get(&goal).copied().unwrap_or_default();
        format!("{}: {} ms (load {:.2})", run_name(run), ms(at), run.load)
    });
    told.collect()
}

/// The name of a run, with its VM where a round has several.
pub(crate) fn run_name(run: &Run) -> String {
    match run.clone {
        None => format!("run {}", run.round),
        Some(clone) => format!("run {}, VM {clone}", run.round),
    }
}

/// The largest error of the guest's clock in these runs, in milliseconds as text; `None` without a joined clock.
pub(crate) fn clock_bound<'a>(runs: impl Iterator<Item = &'a Run>) -> Option<String> {
    let bounds = runs.filter_map(|run| run.clock).map(|clock| clock.bound_ms);
    bounds.reduce(f64::max).map(ms)
}

/// A percentile as text.
#[derive(Debug, Serialize)]
pub(crate) struct Tail {
    ms: String,
    /// Whether there are enough runs for it.
    resolved: bool,
}

impl From<&Estimate> for Tail {
    fn from(estimate: &Estimate) -> Self {
        Self {
            ms: ms(estimate.value),
            resolved: estimate.resolved,
        }
    }
}

/// The figures of a milestone as text.
#[derive(Debug, Serialize)]
pub(crate) struct Figures {
    title: &'static str,
    /// Whether this is the milestone that the subject is judged by.
    is_goal: bool,
    p50: String,
    low: String,
    high: String,
    p90: Tail,
    p99: Tail,
    min: String,
    max: String,
}

/// The figures of all milestones of a subject.
pub(crate) fn figures(subject: &Subject) -> Vec<Figures> {
    let goal = subject.goal();
    let row = |(milestone, summary): (&_, &Summary)| Figures {
        title: crate::Milestone::title(*milestone),
        is_goal: Some(*milestone) == goal,
        p50: ms(summary.p50.value),
        low: ms(summary.p50.interval.low),
        high: ms(summary.p50.interval.high),
        p90: Tail::from(&summary.p90),
        p99: Tail::from(&summary.p99),
        min: ms(summary.min),
        max: ms(summary.max),
    };
    subject.summary.iter().map(row).collect()
}

/// A ratio of medians as text.
#[derive(Debug, Serialize)]
pub(crate) struct RatioFigures {
    pub(crate) value: String,
    pub(crate) low: String,
    pub(crate) high: String,
}

impl From<Ratio> for RatioFigures {
    fn from(ratio: Ratio) -> Self {
        Self {
            value: hundredths(ratio.value),
            low: hundredths(ratio.interval.low),
            high: hundredths(ratio.interval.high),
        }
    }
}

/// The first subject's median divided by the second's, at one milestone.
#[derive(Debug, Serialize)]
pub(crate) struct RatioRow {
    title: &'static str,
    is_goal: bool,
    #[serde(flatten)]
    ratio: RatioFigures,
}

/// The ratios of a comparison at all milestones.
pub(crate) fn ratios(found: &Comparison) -> Vec<RatioRow> {
    let each = found.all.iter().map(|(milestone, ratio)| RatioRow {
        title: milestone.title(),
        is_goal: *milestone == found.goal,
        ratio: ratio.inverse().into(),
    });
    each.collect()
}

/// The comparison of a report's two subjects; `None` for one subject, or without a milestone in common.
pub(crate) fn compared(report: &Report, tolerance: f64) -> Option<Comparison> {
    match report.subjects.as_slice() {
        [first, second] => Comparison::of(first, second, tolerance),
        _ => None,
    }
}
