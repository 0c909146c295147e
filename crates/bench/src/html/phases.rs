//! The section of phases: the main phases of all subjects on one axis, and all phases of each on its own.

use serde::Serialize;

use super::bars::{Bars, Row, Shape, bars};
use super::scale::{Axis, Px, Scale};
use crate::milestone::{PHASES, Phase};
use crate::report::Subject;
use crate::text::time;

const WIDTH: f64 = 1000.0;
const LEFT: f64 = 16.0;
const RIGHT: f64 = 920.0;

/// The height of a subject's bar, and of its bar with its name.
const BAR: f64 = 38.0;
const ROW: f64 = BAR + 34.0;

/// Pixels that a letter inside a bar takes, at most.
const LETTER: f64 = 7.2;

/// Pixels that a time inside a bar takes, at most.
const TIME: f64 = 62.0;

/// Subjects with fewer phases have no chart of their own.
const FEWEST: usize = 3;

/// The variables of `sections/phases.html`.
#[derive(Debug, Serialize)]
pub(super) struct Section<'a> {
    side_by_side: SideBySide<'a>,
    subjects: Vec<Timeline<'a>>,
}

/// The variables of `charts/side_by_side.svg`.
#[derive(Debug, Serialize)]
struct SideBySide<'a> {
    width: Px,
    height: Px,
    bar_height: Px,
    left: Px,
    axis: Axis,
    subjects: Vec<Stack<'a>>,
    legend: Vec<Key>,
}

/// The bar of a subject.
#[derive(Debug, Serialize)]
struct Stack<'a> {
    label: &'a str,
    y: Px,
    segments: Vec<Segment>,
    total: String,
    total_x: Px,
}

/// A phase within a bar.
#[derive(Debug, Serialize)]
struct Segment {
    name: &'static str,
    time: String,
    colour: &'static str,
    x: Px,
    width: Px,
    middle: Px,
    /// Whether the name, and the time below it, fit inside.
    has_name: bool,
    has_time: bool,
}

/// A phase and its colour.
#[derive(Debug, PartialEq, Serialize)]
struct Key {
    name: &'static str,
    colour: &'static str,
}

/// All phases of a subject, one a row.
#[derive(Debug, Serialize)]
struct Timeline<'a> {
    label: &'a str,
    chart: Bars,
}

/// A phase with its beginning and its end in milliseconds.
type Span = (&'static Phase, f64, f64);

/// The section; `None` where nothing was measured.
pub(super) fn section(subjects: &[Subject]) -> Option<Section<'_>> {
    if subjects.iter().all(|subject| subject.summary.is_empty()) {
        return None;
    }
    let with_chart = |subject: &&Subject| spans(subject).len() >= FEWEST;
    let each = subjects.iter().filter(with_chart);
    Some(Section {
        side_by_side: side_by_side(subjects),
        subjects: each.map(timeline).collect(),
    })
}

/// The style sheet's class for a phase.
fn colour(phase: &Phase) -> &'static str {
    match phase.name {
        "prepare" => "c0",
        "monitor" | "network" => "c1",
        "load" => "c2",
        "entry" | "painting" => "c3",
        "kernel" | "HTTP" => "c4",
        "identity" | "agent" => "c6",
        "return" => "c7",
        "first answer" => "c8",
        _ => "c5",
    }
}

/// All phases of a subject at the median.
fn spans(subject: &Subject) -> Vec<Span> {
    let medians = subject.medians();
    let spans = PHASES.iter().filter_map(|phase| {
        let (from, to) = phase.span(&medians)?;
        Some((phase, from, to))
    });
    spans.collect()
}

/// The phases that follow on each other.
fn main_spans(subject: &Subject) -> Vec<Span> {
    let main = |span: &Span| span.0.main;
    spans(subject).into_iter().filter(main).collect()
}

fn end(spans: &[Span]) -> f64 {
    spans.iter().map(|(_, _, to)| *to).fold(0.0, f64::max)
}

fn side_by_side(subjects: &[Subject]) -> SideBySide<'_> {
    let all: Vec<Vec<Span>> = subjects.iter().map(main_spans).collect();
    let longest = all.iter().map(|spans| end(spans)).fold(0.0, f64::max);
    let scale = Scale::new(0.0, longest, LEFT, RIGHT);
    let bottom = subjects.len() as f64 * ROW + 6.0;
    let stacks = subjects
        .iter()
        .zip(&all)
        .zip(0u32..)
        .map(|((subject, spans), row)| Stack {
            label: &subject.label,
            y: Px(f64::from(row) * ROW + 26.0),
            segments: spans.iter().map(|span| segment(span, &scale)).collect(),
            total: time(end(spans)),
            total_x: Px(scale.at(end(spans)) + 8.0),
        });
    let mut legend: Vec<Key> = Vec::new();
    for (phase, _, _) in all.iter().flatten() {
        let key = Key {
            name: phase.name,
            colour: colour(phase),
        };
        if !legend.contains(&key) {
            legend.push(key);
        }
    }
    SideBySide {
        width: Px(WIDTH),
        height: Px(bottom + 24.0),
        bar_height: Px(BAR),
        left: Px(LEFT),
        axis: scale.below(4.0, bottom),
        subjects: stacks.collect(),
        legend,
    }
}

fn segment((phase, from, to): &Span, scale: &Scale) -> Segment {
    let (x, width) = (scale.at(*from), scale.at(*to) - scale.at(*from));
    let has_name = width > phase.name.len() as f64 * LETTER + 12.0;
    Segment {
        name: phase.name,
        time: time(to - from),
        colour: colour(phase),
        x: Px(x),
        width: Px((width - 1.0).max(0.6)),
        middle: Px(x + width / 2.0),
        has_name,
        has_time: has_name && width > TIME,
    }
}

fn timeline(subject: &Subject) -> Timeline<'_> {
    let row = |(phase, from, to): Span| Row {
        name: phase.name.to_owned(),
        from,
        to,
        colour: colour(phase),
        is_faint: !phase.main,
        title: format!(
            "{}: {}, from {} to {}",
            phase.name,
            time(to - from),
            time(from),
            time(to)
        ),
    };
    let rows: Vec<Row> = spans(subject).into_iter().map(row).collect();
    let shape = Shape {
        names: 150.0,
        right: RIGHT,
        row: 27.0,
        longest_name: 20,
    };
    Timeline {
        label: &subject.label,
        chart: bars("phases", &rows, shape),
    }
}
