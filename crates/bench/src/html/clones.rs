//! The section of clones: how quickly they answer one after the other, and how much memory each takes.

use serde::Serialize;

use super::scale::{Axis, Px, Scale};
use crate::milestone::Milestone;
use crate::report::{Action, Run, Subject};
use crate::text::time;

const WIDTH: f64 = 480.0;
const LEFT: f64 = 46.0;
const TOP: f64 = 10.0;
const BOTTOM: f64 = 190.0;

/// The variables of `sections/clones.html`.
#[derive(Debug, Serialize)]
pub(super) struct Section {
    arrivals: Arrivals,
    memory: Memory,
}

/// The variables of `charts/arrivals.svg`.
#[derive(Debug, Serialize)]
struct Arrivals {
    width: Px,
    height: Px,
    across: Axis,
    up: Axis,
    rounds: Vec<Line>,
}

/// The clones of a round.
#[derive(Debug, Serialize)]
struct Line {
    title: String,
    points: Vec<Point>,
}

#[derive(Debug, Serialize)]
struct Point {
    x: Px,
    y: Px,
}

/// The variables of `charts/memory.svg`.
#[derive(Debug, Serialize)]
struct Memory {
    width: Px,
    height: Px,
    axis: Axis,
    vms: Vec<Column>,
}

/// The memory of a VM: its own pages below, its share of the common ones above.
#[derive(Debug, Serialize)]
struct Column {
    title: String,
    x: Px,
    width: Px,
    shared_y: Px,
    shared_height: Px,
    own_y: Px,
    own_height: Px,
}

/// The section; `None` for a subject of another action.
pub(super) fn section(subject: &Subject) -> Option<Section> {
    (subject.action == Action::Clone).then(|| Section {
        arrivals: arrivals(subject),
        memory: memory(subject),
    })
}

fn last_round(subject: &Subject) -> u32 {
    subject.runs.iter().map(|run| run.round).max().unwrap_or(0)
}

/// For each round a line: how many of its VMs had answered by when.
fn arrivals(subject: &Subject) -> Arrivals {
    let at = |run: &Run| {
        let answer = run.at_ms.get(&Milestone::AgentAnswer);
        answer.or_else(|| run.at_ms.get(&Milestone::Ready)).copied()
    };
    let rounds: Vec<Vec<f64>> = (1..=last_round(subject))
        .map(|round| {
            let runs = subject.runs.iter().filter(|run| run.round == round);
            let mut times: Vec<f64> = runs.filter_map(at).collect();
            times.sort_unstable_by(f64::total_cmp);
            times
        })
        .collect();
    let last = rounds.iter().flatten().copied().fold(0.0, f64::max);
    let most = rounds.iter().map(Vec::len).max().unwrap_or(0);
    let across = Scale::new(0.0, last, LEFT, WIDTH - 14.0);
    let up = Scale::new(0.0, most as f64, BOTTOM, TOP);
    let line = |(times, round): (&Vec<f64>, u32)| Line {
        title: format!(
            "run {round}: all within {}",
            time(times.last().copied().unwrap_or_default())
        ),
        points: times
            .iter()
            .zip(1u32..)
            .map(|(at, count)| Point {
                x: Px(across.at(*at)),
                y: Px(up.at(f64::from(count))),
            })
            .collect(),
    };
    let whole = |tick: &f64| tick.fract() == 0.0;
    Arrivals {
        width: Px(WIDTH),
        height: Px(BOTTOM + 24.0),
        across: across.below(8.0, BOTTOM),
        up: up.beside(
            (LEFT, LEFT),
            up.ticks(4).into_iter().filter(whole),
            |count| format!("{count}"),
        ),
        rounds: rounds.iter().zip(1..).map(line).collect(),
    }
}

/// Memory of the VMs of the last round, in MiB.
fn memory(subject: &Subject) -> Memory {
    let last = last_round(subject);
    let of_last = subject.runs.iter().filter(|run| run.round == last);
    let mib = |kib: u64| kib as f64 / 1024.0;
    let sizes: Vec<(f64, f64)> = of_last
        .filter_map(|run| run.footprint)
        .map(|taken| (mib(taken.private_kib), mib(taken.pss_kib)))
        .collect();
    let most = sizes.iter().map(|(_, pss)| *pss).fold(0.0, f64::max);
    let up = Scale::new(0.0, most, BOTTOM, TOP);
    let step = (WIDTH - LEFT - 10.0) / sizes.len().max(1) as f64;
    let column = |((own, pss), number): (&(f64, f64), u32)| {
        let (top, middle) = (up.at(*pss), up.at(*own));
        Column {
            title: format!(
                "VM {}: {own:.1} MiB its own, {pss:.1} MiB with its share",
                number + 1
            ),
            x: Px(LEFT + 6.0 + f64::from(number) * step),
            width: Px((step * 0.78).min(46.0)),
            shared_y: Px(top),
            shared_height: Px((middle - top).max(0.0)),
            own_y: Px(middle),
            own_height: Px(BOTTOM - middle),
        }
    };
    Memory {
        width: Px(WIDTH),
        height: Px(BOTTOM + 10.0),
        axis: up.beside((LEFT, WIDTH), up.ticks(4), |mib| format!("{mib:.0}")),
        vms: sizes.iter().zip(0u32..).map(column).collect(),
    }
}
