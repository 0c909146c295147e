//! The section of runs: how the times of a subject are spread, and in which order they came.

use serde::Serialize;

use super::scale::{Axis, Px, Scale};
use crate::facts::run_name;
use crate::report::{Run, Subject};
use crate::stats::Summary;
use crate::text::time;

const WIDTH: f64 = 480.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 148.0;

/// The middle of the distribution, and the distance of two dots that do not touch.
const MIDDLE: f64 = 78.0;
const APART: f64 = 11.0;

/// The column of times beside the runs in order.
const LEFT: f64 = 62.0;

/// The variables of `charts/distribution.svg` and `charts/order.svg`.
#[derive(Debug, Serialize)]
pub(super) struct Runs<'a> {
    label: &'a str,
    goal: &'static str,
    distribution: Distribution,
    order: Order,
}

#[derive(Debug, Serialize)]
struct Distribution {
    width: Px,
    height: Px,
    axis: Axis,
    top: Px,
    bottom: Px,
    title: String,
    band_x: Px,
    band_width: Px,
    median: Px,
    dots: Vec<Dot>,
}

#[derive(Debug, Serialize)]
struct Order {
    width: Px,
    height: Px,
    axis: Axis,
    dots: Vec<Dot>,
    first: Option<Mark>,
    last: Option<Mark>,
    marks_y: Px,
}

/// A run.
#[derive(Debug, Serialize)]
struct Dot {
    x: Px,
    y: Px,
    is_apart: bool,
    title: String,
}

/// The name of a run on the axis.
#[derive(Debug, Serialize)]
struct Mark {
    x: Px,
    name: String,
}

/// Two charts of a subject's runs; `None` where no milestone was reached by all of them.
pub(super) fn runs(subject: &Subject) -> Option<Runs<'_>> {
    let (goal, summary) = (subject.goal()?, subject.goal_summary()?);
    let at = |run: &'_ Run| run.at_ms.get(&goal).copied();
    let times: Vec<(&Run, f64)> = subject
        .runs
        .iter()
        .filter_map(|run| Some((run, at(run)?)))
        .collect();
    Some(Runs {
        label: &subject.label,
        goal: goal.title(),
        distribution: distribution(&times, summary),
        order: order(&times, summary),
    })
}

/// The ends of a scale that has all times, with some room around them.
fn ends(times: &[(&Run, f64)]) -> (f64, f64) {
    let each = times.iter().map(|(_, at)| *at);
    let low = each.clone().fold(f64::INFINITY, f64::min);
    let high = each.fold(0.0, f64::max);
    let room = ((high - low) * 0.12).max(high * 0.005).max(0.01);
    ((low - room).max(0.0), high + room)
}

/// Dots on one axis, stacked where they would touch, with the median and its interval.
fn distribution(times: &[(&Run, f64)], summary: &Summary) -> Distribution {
    let (low, high) = ends(times);
    let scale = Scale::new(low, high, 16.0, WIDTH - 16.0);
    let (median, interval) = (summary.p50.value, summary.p50.interval);
    let (from, to) = (scale.at(interval.low), scale.at(interval.high));
    let mut placed: Vec<(f64, f64)> = Vec::new();
    let mut dots = Vec::new();
    for ((run, at), number) in times.iter().zip(0usize..) {
        let x = scale.at(*at);
        let is_free = |y: &f64| {
            placed
                .iter()
                .all(|(px, py)| (px - x).hypot(py - y) >= APART)
        };
        // From the middle outwards, on both sides in turn.
        let mut rows = (0..12u32).map(|step| {
            let away = f64::from(step.div_ceil(2)) * APART;
            MIDDLE + if step % 2 == 1 { away } else { -away }
        });
        let y = rows.find(is_free).unwrap_or(MIDDLE);
        placed.push((x, y));
        dots.push(Dot {
            x: Px(x),
            y: Px(y),
            is_apart: summary.outliers.contains(&number),
            title: format!("{}: {}", run_name(run), time(*at)),
        });
    }
    Distribution {
        width: Px(WIDTH),
        height: Px(BOTTOM + 24.0),
        axis: scale.below(TOP, BOTTOM),
        top: Px(TOP),
        bottom: Px(BOTTOM),
        title: format!(
            "median {}, 95 % interval {} to {}",
            time(median),
            time(interval.low),
            time(interval.high)
        ),
        band_x: Px(from),
        band_width: Px((to - from).max(1.0)),
        median: Px(scale.at(median)),
        dots,
    }
}

/// The times in the order in which they were measured: a drift or a jump is seen here.
fn order(times: &[(&Run, f64)], summary: &Summary) -> Order {
    let (low, high) = ends(times);
    let up = Scale::new(low, high, BOTTOM, TOP);
    let across = Scale::new(0.0, times.len() as f64 - 1.0, LEFT + 12.0, WIDTH - 16.0);
    let place = |number: usize| match times.len() {
        1 => WIDTH / 2.0,
        _ => across.at(number as f64),
    };
    let dots = times.iter().zip(0usize..).map(|((run, at), number)| Dot {
        x: Px(place(number)),
        y: Px(up.at(*at)),
        is_apart: summary.outliers.contains(&number),
        title: format!("{}: {} (load {:.2})", run_name(run), time(*at), run.load),
    });
    let mark = |number: usize| {
        let (run, _) = times.get(number)?;
        Some(Mark {
            x: Px(place(number)),
            name: run_name(run),
        })
    };
    Order {
        width: Px(WIDTH),
        height: Px(BOTTOM + 24.0),
        axis: up.beside((LEFT, WIDTH), up.ticks(4), time),
        dots: dots.collect(),
        first: mark(0),
        last: times
            .len()
            .checked_sub(1)
            .filter(|last| *last > 0)
            .and_then(mark),
        marks_y: Px(BOTTOM + 18.0),
    }
}
