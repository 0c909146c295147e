//! Clones: how quickly they answer one after the other, and what each takes.

use super::svg::{Scale, drawing, time};
use crate::milestone::Milestone;
use crate::report::Subject;

const WIDTH: f64 = 480.0;
const LEFT: f64 = 46.0;
const BOTTOM: f64 = 190.0;

/// For each round a line: how many of its VMs had answered by when.
pub(super) fn arrivals(subject: &Subject) -> String {
    let at = |run: &crate::report::Run| {
        let answer = run.at_ms.get(&Milestone::AgentAnswer);
        answer.or_else(|| run.at_ms.get(&Milestone::Ready)).copied()
    };
    let rounds = subject.runs.iter().map(|run| run.round).max().unwrap_or(0);
    let lines: Vec<Vec<f64>> = (1..=rounds)
        .map(|round| {
            let runs = subject.runs.iter().filter(|run| run.round == round);
            let mut times: Vec<f64> = runs.filter_map(at).collect();
            times.sort_unstable_by(f64::total_cmp);
            times
        })
        .collect();
    let last = lines.iter().flatten().copied().fold(0.0, f64::max);
    let most = lines.iter().map(Vec::len).max().unwrap_or(0);
    let across = Scale::new(0.0, last, LEFT, WIDTH - 14.0);
    let up = Scale::new(0.0, most as f64, BOTTOM, 10.0);
    let mut inside = across.axis(8.0, BOTTOM);
    for tick in up.ticks(4).iter().filter(|tick| tick.fract() == 0.0) {
        inside.push_str(&format!(
            "<text class=\"faint\" text-anchor=\"end\" x=\"{}\" y=\"{:.1}\">{tick}</text>",
            LEFT - 8.0,
            up.at(*tick) + 4.0
        ));
    }
    for (line, round) in lines.iter().zip(1u32..) {
        let points: Vec<String> = line
            .iter()
            .zip(1u32..)
            .map(|(at, count)| format!("{:.1},{:.1}", across.at(*at), up.at(f64::from(count))))
            .collect();
        inside.push_str(&format!(
            "<g><title>run {round}: all within {}</title><polyline class=\"path\" points=\"{}\"/>",
            time(line.last().copied().unwrap_or_default()),
            points.join(" ")
        ));
        for point in &points {
            if let Some((x, y)) = point.split_once(',') {
                inside.push_str(&format!(
                    "<circle class=\"dot\" cx=\"{x}\" cy=\"{y}\" r=\"3\"/>"
                ));
            }
        }
        inside.push_str("</g>");
    }
    drawing(WIDTH, BOTTOM + 24.0, "clones that have answered", &inside)
}

/// Memory of the VMs of the last round: what is its own, and its share of what all have in common.
pub(super) fn memory(subject: &Subject) -> String {
    let last = subject.runs.iter().map(|run| run.round).max().unwrap_or(0);
    let of_last = subject.runs.iter().filter(|run| run.round == last);
    let sizes: Vec<(f64, f64)> = of_last
        .filter_map(|run| run.footprint)
        .map(|taken| {
            (
                taken.private_kib as f64 / 1024.0,
                taken.pss_kib as f64 / 1024.0,
            )
        })
        .collect();
    let most = sizes.iter().map(|(_, pss)| *pss).fold(0.0, f64::max);
    let up = Scale::new(0.0, most, BOTTOM, 10.0);
    let mut inside = up.axis_beside(LEFT, WIDTH, |mib| format!("{mib:.0}"));
    let step = (WIDTH - LEFT - 10.0) / sizes.len().max(1) as f64;
    for ((own, pss), number) in sizes.iter().zip(0u32..) {
        let (x, width) = (
            LEFT + 6.0 + f64::from(number) * step,
            (step * 0.78).min(46.0),
        );
        let (top, middle) = (up.at(*pss), up.at(*own));
        inside.push_str(&format!(
            "<g><title>VM {}: {own:.1} MiB its own, {pss:.1} MiB with its share</title>\
             <rect class=\"c5\" x=\"{x:.1}\" y=\"{middle:.1}\" width=\"{width:.1}\" height=\"{:.1}\" rx=\"2\"/>\
             <rect class=\"c2\" x=\"{x:.1}\" y=\"{top:.1}\" width=\"{width:.1}\" height=\"{:.1}\" rx=\"2\"/></g>",
            number + 1,
            BOTTOM - middle,
            (middle - top).max(0.0)
        ));
    }
    drawing(WIDTH, BOTTOM + 10.0, "memory of clones", &inside)
}
