//! Where the time goes: the main phases of all subjects on one axis, and all phases of each on its own.

use super::svg::{Scale, drawing, escape, time};
use crate::milestone::{PHASES, Phase};
use crate::report::Subject;

const WIDTH: f64 = 1000.0;
const NAMES: f64 = 150.0;
const RIGHT: f64 = 920.0;

/// The colour of a phase.
fn colour(phase: &Phase) -> &'static str {
    match phase.name {
        "prepare" => "c0",
        "monitor" | "network" => "c1",
        "load" => "c2",
        "entry" | "painting" => "c3",
        "kernel" | "HTTP" => "c4",
        "identity" | "agent" => "c6",
        "return" => "c7",
        _ => "c5",
    }
}

/// One bar for each subject, on one axis, so that their lengths compare.
pub(super) fn side_by_side(subjects: &[Subject]) -> String {
    const BAR: f64 = 38.0;
    const LEFT: f64 = 16.0;
    let spans: Vec<Vec<(&Phase, f64, f64)>> = subjects.iter().map(main_spans).collect();
    let end =
        |spans: &Vec<(&Phase, f64, f64)>| spans.iter().map(|(_, _, to)| *to).fold(0.0, f64::max);
    let longest = spans.iter().map(end).fold(0.0, f64::max);
    let scale = Scale::new(0.0, longest, LEFT, RIGHT);
    let bottom = subjects.len() as f64 * (BAR + 34.0) + 6.0;
    let mut inside = scale.axis(4.0, bottom);
    for ((subject, spans), row) in subjects.iter().zip(&spans).zip(0u32..) {
        let top = f64::from(row) * (BAR + 34.0) + 26.0;
        inside.push_str(&format!(
            "<text class=\"strong\" x=\"{LEFT}\" y=\"{:.0}\">{}</text>",
            top - 8.0,
            escape(&subject.label)
        ));
        for (phase, from, to) in spans {
            let (x, width) = (scale.at(*from), scale.at(*to) - scale.at(*from));
            let (name, took, class) = (phase.name, time(to - from), colour(phase));
            inside.push_str(&format!(
                "<g><title>{name}: {took}</title><rect class=\"{class}\" x=\"{x:.1}\" y=\"{top}\" width=\"{:.1}\" height=\"{BAR}\" rx=\"3\"/>",
                (width - 1.0).max(0.6)
            ));
            // Some seven pixels a letter.
            if width > name.len() as f64 * 7.2 + 12.0 {
                let (middle, below) = (x + width / 2.0, width > 62.0);
                let first = if below { top + 16.5 } else { top + 23.0 };
                inside.push_str(&format!(
                    "<text class=\"on\" text-anchor=\"middle\" x=\"{middle:.1}\" y=\"{first}\">{name}</text>"
                ));
                if below {
                    inside.push_str(&format!(
                        "<text class=\"on\" style=\"font-weight:450\" text-anchor=\"middle\" x=\"{middle:.1}\" y=\"{}\">{took}</text>",
                        top + 31.0
                    ));
                }
            }
            inside.push_str("</g>");
        }
        let total = end(spans);
        inside.push_str(&format!(
            "<text class=\"strong\" x=\"{:.1}\" y=\"{}\">{}</text>",
            scale.at(total) + 8.0,
            top + 24.0,
            time(total)
        ));
    }
    drawing(WIDTH, bottom + 24.0, "phases side by side", &inside)
}

/// All phases of a subject, one a row.
pub(super) fn timeline(subject: &Subject) -> String {
    const ROW: f64 = 27.0;
    let medians = subject.medians();
    let spans: Vec<(&Phase, f64, f64)> = PHASES
        .iter()
        .filter_map(|phase| phase.span(&medians).map(|(from, to)| (phase, from, to)))
        .collect();
    let end = spans.iter().map(|(_, _, to)| *to).fold(0.0, f64::max);
    let scale = Scale::new(0.0, end, NAMES, RIGHT);
    let bottom = spans.len() as f64 * ROW + 8.0;
    let mut inside = scale.axis(2.0, bottom);
    for ((phase, from, to), row) in spans.iter().zip(0u32..) {
        let top = f64::from(row) * ROW + 6.0;
        let (x, width) = (scale.at(*from), (scale.at(*to) - scale.at(*from)).max(1.5));
        let (name, class) = (phase.name, colour(phase));
        let (thin, face) = if phase.main {
            ("", "")
        } else {
            (" thin", " class=\"soft\"")
        };
        let took = time(to - from);
        // Behind the bar, or before it where there is no room behind.
        let (label, anchor) = if x + width + 70.0 < WIDTH {
            (x + width + 7.0, "start")
        } else {
            (x - 7.0, "end")
        };
        inside.push_str(&format!(
            "<g><title>{name}: {took}, from {} to {}</title>\
             <text{face} text-anchor=\"end\" x=\"{}\" y=\"{}\">{name}</text>\
             <rect class=\"{class}{thin}\" x=\"{x:.1}\" y=\"{top}\" width=\"{width:.1}\" height=\"{}\" rx=\"3\"/>\
             <text class=\"soft\" text-anchor=\"{anchor}\" x=\"{label:.1}\" y=\"{}\">{took}</text></g>",
            time(*from),
            time(*to),
            NAMES - 12.0,
            top + 14.5,
            ROW - 7.0,
            top + 14.5
        ));
    }
    drawing(WIDTH, bottom + 24.0, "phases", &inside)
}

fn main_spans(subject: &Subject) -> Vec<(&'static Phase, f64, f64)> {
    let medians = subject.medians();
    let main = PHASES.iter().filter(|phase| phase.main);
    main.filter_map(|phase| phase.span(&medians).map(|(from, to)| (phase, from, to)))
        .collect()
}
