//! Every run: how the times are spread, and in which order they came.

use super::svg::{Scale, drawing, time};
use crate::report::{Run, Subject};

const WIDTH: f64 = 480.0;

/// The times of the goal, with the run that each belongs to.
fn samples(subject: &Subject) -> Vec<(&Run, f64)> {
    let goal = subject.goal();
    let at = |run: &Run| goal.and_then(|goal| run.at_ms.get(&goal).copied());
    subject
        .runs
        .iter()
        .filter_map(|run| Some((run, at(run)?)))
        .collect()
}

/// The ends of a scale that all samples lie on, with some room around them.
fn ends(samples: &[(&Run, f64)]) -> (f64, f64) {
    let low = samples
        .iter()
        .map(|(_, at)| *at)
        .fold(f64::INFINITY, f64::min);
    let high = samples.iter().map(|(_, at)| *at).fold(0.0, f64::max);
    let room = ((high - low) * 0.12).max(high * 0.005).max(0.01);
    ((low - room).max(0.0), high + room)
}

/// Dots on one axis, stacked where they meet, with the median and its interval.
pub(super) fn distribution(subject: &Subject) -> String {
    const MIDDLE: f64 = 78.0;
    const BOTTOM: f64 = 148.0;
    let samples = samples(subject);
    let Some(summary) = subject.goal_summary() else {
        return String::new();
    };
    let (low, high) = ends(&samples);
    let scale = Scale::new(low, high, 16.0, WIDTH - 16.0);
    let mut inside = scale.axis(8.0, BOTTOM);
    let interval = summary.p50.interval;
    let (from, to) = (scale.at(interval.low), scale.at(interval.high));
    let median = scale.at(summary.p50.value);
    inside.push_str(&format!(
        "<g><title>median {}, 95 % interval {} to {}</title>\
         <rect class=\"band\" x=\"{from:.1}\" y=\"8\" width=\"{:.1}\" height=\"{}\"/>\
         <line class=\"median\" x1=\"{median:.1}\" x2=\"{median:.1}\" y1=\"8\" y2=\"{BOTTOM}\"/></g>",
        time(summary.p50.value),
        time(interval.low),
        time(interval.high),
        (to - from).max(1.0),
        BOTTOM - 8.0
    ));
    let mut placed: Vec<(f64, f64)> = Vec::new();
    for ((run, at), place) in samples.iter().zip(0usize..) {
        let x = scale.at(*at);
        let free = |y: &f64| placed.iter().all(|(px, py)| (px - x).hypot(py - y) >= 11.0);
        // From the middle outwards, on both sides in turn.
        let rows = (0..12u32).map(|step| {
            let away = f64::from(step.div_ceil(2)) * 11.0;
            MIDDLE + if step % 2 == 1 { away } else { -away }
        });
        let y = rows.into_iter().find(free).unwrap_or(MIDDLE);
        placed.push((x, y));
        let class = if summary.outliers.contains(&place) {
            "apart"
        } else {
            "dot"
        };
        inside.push_str(&format!(
            "<circle class=\"{class}\" cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"5\"><title>{}: {}</title></circle>",
            name(run),
            time(*at)
        ));
    }
    drawing(WIDTH, BOTTOM + 24.0, "distribution", &inside)
}

/// The times in the order in which they were measured: what drifts or jumps is seen here.
pub(super) fn order(subject: &Subject) -> String {
    const BOTTOM: f64 = 148.0;
    const LEFT: f64 = 62.0;
    let samples = samples(subject);
    let Some(summary) = subject.goal_summary() else {
        return String::new();
    };
    let (low, high) = ends(&samples);
    let up = Scale::new(low, high, BOTTOM, 8.0);
    let across = Scale::new(0.0, samples.len() as f64 - 1.0, LEFT + 12.0, WIDTH - 16.0);
    let mut inside = up.axis_beside(LEFT, WIDTH, time);
    let place = |at: usize| {
        if samples.len() == 1 {
            WIDTH / 2.0
        } else {
            across.at(at as f64)
        }
    };
    let path = samples
        .iter()
        .zip(0usize..)
        .map(|((_, at), number)| format!("{:.1},{:.1}", place(number), up.at(*at)));
    let path: Vec<String> = path.collect();
    inside.push_str(&format!(
        "<polyline class=\"path\" points=\"{}\"/>",
        path.join(" ")
    ));
    for ((run, at), number) in samples.iter().zip(0usize..) {
        let class = if summary.outliers.contains(&number) {
            "apart"
        } else {
            "dot"
        };
        inside.push_str(&format!(
            "<circle class=\"{class}\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"4\"><title>{}: {} (load {:.2})</title></circle>",
            place(number),
            up.at(*at),
            name(run),
            time(*at),
            run.load
        ));
    }
    for (at, anchor) in [(0, "start"), (samples.len().saturating_sub(1), "end")] {
        if let Some((run, _)) = samples.get(at) {
            inside.push_str(&format!(
                "<text class=\"faint\" text-anchor=\"{anchor}\" x=\"{:.1}\" y=\"{}\">{}</text>",
                place(at),
                BOTTOM + 18.0,
                name(run)
            ));
        }
    }
    drawing(WIDTH, BOTTOM + 24.0, "in order", &inside)
}

fn name(run: &Run) -> String {
    match run.clone {
        None => format!("run {}", run.round),
        Some(clone) => format!("run {}, VM {clone}", run.round),
    }
}
