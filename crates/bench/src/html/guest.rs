//! The section inside the guest: units over time, and the kernel's steps by length.

use serde::Serialize;

use super::bars::{Bars, Row, Shape, bars};
use crate::guest::{Initcall, Unit};
use crate::report::{Profile, Subject};
use crate::text::time;

const SHAPE: Shape = Shape {
    names: 330.0,
    right: 925.0,
    row: 21.0,
    longest_name: 46,
};

/// The most units that a chart shows, and the most steps of the kernel.
const MOST_UNITS: usize = 32;
const MOST_STEPS: usize = 28;

/// A unit that took less is left out: a socket is there at once.
const SHORT_MS: f64 = 0.5;

/// The shortest step of the kernel that stands out, in milliseconds.
const LONG_MS: f64 = 5.0;

/// The variables of `sections/guest.html`.
#[derive(Debug, Serialize)]
pub(super) struct Section<'a> {
    label: &'a str,
    units: Option<Bars>,
    steps: Option<Bars>,
    step_count: usize,
    steps_took: String,
    long_steps: usize,
    long_ms: f64,
    critical_chain: &'a str,
}

/// The section; `None` for a subject whose guest said nothing of its boot.
pub(super) fn section(subject: &Subject) -> Option<Section<'_>> {
    let profile = subject.profile.as_ref()?;
    let steps = &profile.initcalls;
    let is_long = |step: &&Initcall| step.took_ms >= LONG_MS;
    Some(Section {
        label: &subject.label,
        units: chart("units", units(profile)),
        steps: chart("kernel's steps", longest_steps(profile)),
        step_count: steps.len(),
        steps_took: time(steps.iter().map(|step| step.took_ms).sum()),
        long_steps: steps.iter().filter(is_long).count(),
        long_ms: LONG_MS,
        critical_chain: profile.critical_chain.trim(),
    })
}

fn chart(title: &'static str, rows: Vec<Row>) -> Option<Bars> {
    (!rows.is_empty()).then(|| bars(title, &rows, SHAPE))
}

/// The units that took longest to start, in the order in which they began.
fn units(profile: &Profile) -> Vec<Row> {
    // Devices are waited for, not started, and targets only wait.
    let started = |unit: &&Unit| {
        let kind = unit.name.rsplit('.').next().unwrap_or_default();
        let starts = matches!(kind, "service" | "mount" | "socket" | "swap");
        starts && unit.from_ms >= profile.init_ms && unit.took_ms() >= SHORT_MS
    };
    let mut longest: Vec<&Unit> = profile.units.iter().filter(started).collect();
    longest.sort_by(|a, b| b.took_ms().total_cmp(&a.took_ms()));
    longest.truncate(MOST_UNITS);
    longest.sort_by(|a, b| a.from_ms.total_cmp(&b.from_ms));
    let rows = longest.into_iter().map(|unit| {
        let is_ours = unit.name.starts_with("kindling-");
        let colour = if is_ours { "c6" } else { "c5" };
        let name = unit.name.replace("\\x2d", "-"); // systemd-escape(1)
        let span = (unit.from_ms - profile.init_ms, unit.to_ms - profile.init_ms);
        row(name, span, colour)
    });
    rows.collect()
}

/// The kernel's longest steps, the longest first.
fn longest_steps(profile: &Profile) -> Vec<Row> {
    let mut longest: Vec<&Initcall> = profile.initcalls.iter().collect();
    longest.sort_by(|a, b| b.took_ms.total_cmp(&a.took_ms));
    longest.truncate(MOST_STEPS);
    let rows = longest.into_iter().map(|step| {
        let colour = if step.took_ms >= LONG_MS { "c4" } else { "c0" };
        row(step.name.clone(), (0.0, step.took_ms), colour)
    });
    rows.collect()
}

fn row(name: String, (from, to): (f64, f64), colour: &'static str) -> Row {
    Row {
        title: format!("{name}: {}", time(to - from)),
        name,
        from,
        to,
        colour,
        is_faint: false,
    }
}
