//! Figures, the machine and the method, as tables.

use super::svg::escape;
use crate::comparison::Comparison;
use crate::markdown::{machine as machine_facts, ms, outliers};
use crate::milestone::{Milestone, PHASES};
use crate::report::{Report, Subject};
use crate::stats::Estimate;

/// All figures of all subjects.
pub(super) fn numbers(report: &Report, compared: Option<&Comparison>) -> String {
    let mut section = String::from(
        "<h2>Figures</h2><p class=\"lead\">Milliseconds from the start of the command. \
         Grey: too few runs for that percentile, little more than the largest.</p>",
    );
    for subject in &report.subjects {
        section.push_str(&figures(subject));
    }
    if let (Some(found), [first, second]) = (compared, report.subjects.as_slice()) {
        section.push_str(&format!(
            "<h3>{} / {}</h3><div class=\"wrap\"><table><tr><th>at</th><th>ratio of medians</th><th>95 % interval</th></tr>",
            escape(&first.label),
            escape(&second.label)
        ));
        for (milestone, ratio) in &found.all {
            let ratio = ratio.inverse();
            let class = if *milestone == found.goal {
                " class=\"goal\""
            } else {
                ""
            };
            section.push_str(&format!(
                "<tr{class}><td>{}</td><td>{:.2}</td><td>{:.2} to {:.2}</td></tr>",
                milestone.title(),
                ratio.value,
                ratio.interval.low,
                ratio.interval.high
            ));
        }
        section.push_str("</table></div>");
    }
    section
}

fn figures(subject: &Subject) -> String {
    let mut table = format!(
        "<h3>{}</h3><div class=\"wrap\"><table><tr><th>reached</th><th>p50</th><th>95 % interval</th><th>p90</th>\
         <th>p99</th><th>min</th><th>max</th></tr>",
        escape(&subject.label)
    );
    for (milestone, summary) in &subject.summary {
        let class = if Some(*milestone) == subject.goal() {
            " class=\"goal\""
        } else {
            ""
        };
        table.push_str(&format!(
            "<tr{class}><td>{}</td><td>{}</td><td>{} to {}</td>{}{}<td>{}</td><td>{}</td></tr>",
            milestone.title(),
            ms(summary.p50.value),
            ms(summary.p50.interval.low),
            ms(summary.p50.interval.high),
            tail(&summary.p90),
            tail(&summary.p99),
            ms(summary.min),
            ms(summary.max)
        ));
    }
    table.push_str("</table></div>");
    let apart = outliers(subject);
    if !apart.is_empty() {
        table.push_str(&format!(
            "<p class=\"note\">Outliers, counted like all others: {}.</p>",
            escape(&apart.join("; "))
        ));
    }
    table
}

fn tail(estimate: &Estimate) -> String {
    let class = if estimate.resolved {
        ""
    } else {
        " class=\"soft\""
    };
    format!("<td{class}>{}</td>", ms(estimate.value))
}

/// Where it was measured, and on what.
pub(super) fn machine(report: &Report) -> String {
    let mut section = String::from("<h2>Machine</h2><dl>");
    for (name, value) in machine_facts(report) {
        section.push_str(&format!(
            "<dt>{name}</dt><dd>{}</dd>",
            escape(value.trim_matches('`'))
        ));
    }
    for subject in &report.subjects {
        section.push_str(&format!(
            "<dt>{}</dt><dd>{}",
            escape(&subject.label),
            escape(&subject.engine.version)
        ));
        for artifact in &subject.artifacts {
            section.push_str(&format!(
                "<br/><span class=\"hash\">{} <code>{}</code></span>",
                escape(&artifact.name),
                escape(&artifact.sha256)
            ));
        }
        section.push_str("</dd>");
    }
    section + "</dl>"
}

/// What the words mean.
pub(super) fn method(report: &Report) -> String {
    let mut section = String::from("<h2>Method</h2>");
    let clocks = report
        .subjects
        .iter()
        .flat_map(|s| &s.runs)
        .filter_map(|run| run.clock);
    if let Some(bound) = clocks.map(|clock| clock.bound_ms).reduce(f64::max) {
        section.push_str(&format!(
            "<p class=\"note\">The guest's clock was placed on the host's by asking its agent (or, without one, by its marker): \
             in no run does it lie further than {} ms from there.</p>",
            ms(bound)
        ));
    }
    section.push_str(
        "<p class=\"note\">Each run is a process of its own, from its start on. Runs of what is compared alternate, in \
         both orders. Intervals are percentile bootstraps of 10,000 resamples with a fixed seed. Files are in the \
         host's page cache after the warm-up. Nothing is left out.</p><dl>",
    );
    let used = |milestone: &Milestone| {
        report
            .subjects
            .iter()
            .any(|s| s.summary.contains_key(milestone))
    };
    for milestone in Milestone::ALL.iter().filter(|milestone| used(milestone)) {
        section.push_str(&format!(
            "<dt>{}</dt><dd>{}</dd>",
            milestone.title(),
            escape(milestone.definition())
        ));
    }
    section.push_str("</dl><h3>Phases</h3><dl>");
    for phase in &PHASES {
        let shown = report
            .subjects
            .iter()
            .any(|s| phase.span(&s.medians()).is_some());
        if shown {
            section.push_str(&format!(
                "<dt>{}</dt><dd>from {} to {}</dd>",
                phase.name,
                phase
                    .from
                    .map_or("the start of the command", Milestone::title),
                phase.to.title()
            ));
        }
    }
    section + "</dl>"
}
