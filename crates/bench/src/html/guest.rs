//! What the guest says of its own boot: units over time, the kernel's steps by length.

use super::svg::{Scale, drawing, escape, time};
use crate::guest::{Initcall, Unit};
use crate::report::Profile;

const WIDTH: f64 = 1000.0;
const NAMES: f64 = 330.0;
const RIGHT: f64 = 925.0;
const ROW: f64 = 21.0;

/// Rows of a chart.
const MOST: usize = 32;

/// A unit that took less is not shown: a socket is there at once.
const SHORT_MS: f64 = 0.5;

/// From this many milliseconds on a step of the kernel has to explain itself.
const LONG_MS: f64 = 5.0;

/// The units that took longest to start, in the order in which they began.
pub(super) fn units(profile: &Profile) -> String {
    // Devices are waited for, not started, and targets only wait.
    let started = |unit: &&Unit| {
        let kind = unit.name.rsplit('.').next().unwrap_or_default();
        let starts = matches!(kind, "service" | "mount" | "socket" | "swap");
        starts && unit.from_ms >= profile.init_ms && unit.took_ms() >= SHORT_MS
    };
    let mut longest: Vec<&Unit> = profile.units.iter().filter(started).collect();
    longest.sort_by(|a, b| b.took_ms().total_cmp(&a.took_ms()));
    longest.truncate(MOST);
    longest.sort_by(|a, b| a.from_ms.total_cmp(&b.from_ms));
    if longest.is_empty() {
        return String::new();
    }
    let end = longest
        .iter()
        .map(|unit| unit.to_ms - profile.init_ms)
        .fold(0.0, f64::max);
    let scale = Scale::new(0.0, end, NAMES, RIGHT);
    let bottom = longest.len() as f64 * ROW + 6.0;
    let mut inside = scale.axis(2.0, bottom);
    for (unit, row) in longest.iter().zip(0u32..) {
        let (from, to) = (unit.from_ms - profile.init_ms, unit.to_ms - profile.init_ms);
        let class = if unit.name.starts_with("kindling-") {
            "c6"
        } else {
            "c5"
        };
        let name = unit.name.replace("\\x2d", "-"); // systemd-escape(1)
        bar(&mut inside, &scale, row, (&name, from, to, class));
    }
    drawing(WIDTH, bottom + 24.0, "units", &inside)
}

/// The kernel's longest steps, the longest first.
pub(super) fn initcalls(profile: &Profile) -> String {
    let mut longest: Vec<&Initcall> = profile.initcalls.iter().collect();
    longest.sort_by(|a, b| b.took_ms.total_cmp(&a.took_ms));
    longest.truncate(MOST - 4);
    let Some(first) = longest.first() else {
        return String::new();
    };
    let scale = Scale::new(0.0, first.took_ms, NAMES, RIGHT);
    let bottom = longest.len() as f64 * ROW + 6.0;
    let mut inside = scale.axis(2.0, bottom);
    for (step, row) in longest.iter().zip(0u32..) {
        let class = if step.took_ms >= LONG_MS { "c4" } else { "c0" };
        bar(
            &mut inside,
            &scale,
            row,
            (&step.name, 0.0, step.took_ms, class),
        );
    }
    drawing(WIDTH, bottom + 24.0, "kernel's steps", &inside)
}

/// How many steps there were, how long they took together, and how many of them are long.
pub(super) fn initcall_sum(profile: &Profile) -> String {
    let all = &profile.initcalls;
    let sum: f64 = all.iter().map(|step| step.took_ms).sum();
    let long = all.iter().filter(|step| step.took_ms >= LONG_MS).count();
    format!(
        "{} steps took {} together; {long} of them {LONG_MS:.0} ms or more",
        all.len(),
        time(sum)
    )
}

fn bar(
    inside: &mut String,
    scale: &Scale,
    row: u32,
    (name, from, to, class): (&str, f64, f64, &str),
) {
    let top = f64::from(row) * ROW + 4.0;
    let (x, width) = (scale.at(from), (scale.at(to) - scale.at(from)).max(1.5));
    let took = time(to - from);
    let (label, anchor) = if x + width + 66.0 < WIDTH {
        (x + width + 6.0, "start")
    } else {
        (x - 6.0, "end")
    };
    // What is longer than its column is cut; the whole name is in the title.
    let short: String = if name.chars().count() > 46 {
        name.chars().take(45).chain(['…']).collect()
    } else {
        name.to_owned()
    };
    inside.push_str(&format!(
        "<g><title>{}: {took}</title><text class=\"soft\" text-anchor=\"end\" x=\"{}\" y=\"{}\">{}</text>\
         <rect class=\"{class}\" x=\"{x:.1}\" y=\"{top}\" width=\"{width:.1}\" height=\"{}\" rx=\"2.5\"/>\
         <text class=\"faint\" text-anchor=\"{anchor}\" x=\"{label:.1}\" y=\"{}\">{took}</text></g>",
        escape(name),
        NAMES - 10.0,
        top + 11.5,
        escape(&short),
        ROW - 7.0,
        top + 11.5
    ));
}
