//! A report as Markdown, for a terminal, a pull request or a page of documentation.

use crate::comparison::Comparison;
use crate::milestone::{Milestone, PHASES};
use crate::report::{Report, Subject};
use crate::stats::{Estimate, Summary, summarise};

/// The report as Markdown. What is slower by less than `tolerance` (0.05 is 5 %) is not called so.
pub fn table(report: &Report, tolerance: f64) -> String {
    let mut text = format!("## {}\n\n", report.title());
    if let [first, second] = report.subjects.as_slice()
        && let Some(found) = Comparison::of(first, second, tolerance)
    {
        text.push_str(&format!(
            "**{}.**\n\n",
            found.sentence(&first.label, &second.label)
        ));
    }
    for subject in &report.subjects {
        push_subject(&mut text, subject);
    }
    if let [first, second] = report.subjects.as_slice()
        && let Some(found) = Comparison::of(first, second, tolerance)
    {
        push_comparison(&mut text, first, second, &found);
    }
    push_machine(&mut text, report);
    text
}

fn push_subject(text: &mut String, subject: &Subject) {
    let engine = &subject.engine;
    text.push_str(&format!(
        "### {}\n\n{} on {}, {} vCPUs, {} MiB; {} runs",
        subject.label,
        engine.version,
        engine.accelerator.to_uppercase(),
        subject.vcpus,
        subject.memory_mib,
        subject.runs.len()
    ));
    if let Some(until) = &subject.until {
        text.push_str(&format!("; until {until} answers"));
    }
    text.push_str(
        "\n\n| from the start of the command, ms | p50 | 95 % interval | p90 | p99 | min | max |\n",
    );
    text.push_str("|---|--:|--:|--:|--:|--:|--:|\n");
    for (milestone, summary) in &subject.summary {
        push_row(text, milestone.title(), summary);
    }
    push_phases(text, subject);
    push_clones(text, subject);
    push_monitor(text, subject);
    push_outliers(text, subject);
    text.push('\n');
}

fn push_row(text: &mut String, title: &str, summary: &Summary) {
    let Summary { p50, min, max, .. } = summary;
    text.push_str(&format!(
        "| {title} | {} | {} to {} | {} | {} | {} | {} |\n",
        ms(p50.value),
        ms(p50.interval.low),
        ms(p50.interval.high),
        tail(&summary.p90),
        tail(&summary.p99),
        ms(*min),
        ms(*max)
    ));
}

fn push_phases(text: &mut String, subject: &Subject) {
    let medians = subject.medians();
    let spans = PHASES
        .iter()
        .filter(|phase| phase.main)
        .filter_map(|phase| {
            let (from, to) = phase.span(&medians)?;
            Some(format!("{} {}", phase.name, ms(to - from)))
        });
    let spans: Vec<String> = spans.collect();
    text.push_str(&format!(
        "\nPhases at the median, ms: {}.\n",
        spans.join(", ")
    ));
    let bounds = subject.runs.iter().filter_map(|run| run.clock);
    if let Some(worst) = bounds.map(|clock| clock.bound_ms).reduce(f64::max) {
        text.push_str(&format!(
            "The guest's clock is placed on the host's within {} ms.\n",
            ms(worst)
        ));
    }
}

fn push_clones(text: &mut String, subject: &Subject) {
    let several = subject.runs.iter().any(|run| run.clone.is_some());
    let footprints: Vec<_> = subject
        .runs
        .iter()
        .filter_map(|run| run.footprint)
        .collect();
    if footprints.is_empty() {
        return;
    }
    if several {
        for milestone in [Milestone::AgentAnswer, Milestone::Ready] {
            if let Some(last) = summarise(&subject.last_of_rounds(milestone)) {
                text.push_str(&format!(
                    "\nAll of a round at \"{}\": p50 {} ms, {} to {}.\n",
                    milestone.title(),
                    ms(last.p50.value),
                    ms(last.p50.interval.low),
                    ms(last.p50.interval.high)
                ));
            }
        }
    }
    let median = |of: fn(&crate::report::Footprint) -> u64, unit: f64| {
        let values: Vec<f64> = footprints.iter().map(|f| of(f) as f64 / unit).collect();
        summarise(&values).map_or(0.0, |summary| summary.p50.value)
    };
    text.push_str(&format!(
        "\nOne VM takes, at the median: {:.1} MiB of memory (PSS), {:.1} MiB of it nobody else's, {:.1} MiB resident; {:.2} MiB of disk.\n",
        median(|f| f.pss_kib, 1024.0),
        median(|f| f.private_kib, 1024.0),
        median(|f| f.rss_kib, 1024.0),
        median(|f| f.disk_bytes, 1024.0 * 1024.0)
    ));
}

fn push_monitor(text: &mut String, subject: &Subject) {
    let mut names: Vec<&String> = subject
        .runs
        .iter()
        .flat_map(|run| run.monitor_ms.keys())
        .collect();
    names.sort_unstable();
    names.dedup();
    for name in names {
        let samples = subject
            .runs
            .iter()
            .filter_map(|run| run.monitor_ms.get(name));
        if let Some(summary) = summarise(&samples.copied().collect::<Vec<_>>()) {
            text.push_str(&format!(
                "\n{} itself reports: {name}, p50 {} ms, {} to {}.\n",
                subject.engine.name,
                ms(summary.p50.value),
                ms(summary.min),
                ms(summary.max)
            ));
        }
    }
}

fn push_outliers(text: &mut String, subject: &Subject) {
    let told = outliers(subject);
    if !told.is_empty() {
        text.push_str(&format!(
            "\nOutliers, counted like all others: {}.\n",
            told.join("; ")
        ));
    }
}

/// The runs that lie apart at the goal, for a person.
pub(crate) fn outliers(subject: &Subject) -> Vec<String> {
    let (Some(goal), Some(summary)) = (subject.goal(), subject.goal_summary()) else {
        return Vec::new();
    };
    let apart = summary
        .outliers
        .iter()
        .filter_map(|at| subject.runs.get(*at));
    apart
        .map(|run| {
            let clone = run
                .clone
                .map(|clone| format!(", VM {clone}"))
                .unwrap_or_default();
            let at = run.at_ms.get(&goal).copied().unwrap_or_default();
            let load = run.load;
            format!("run {}{clone}: {} ms (load {load:.2})", run.round, ms(at))
        })
        .collect()
}

fn push_comparison(text: &mut String, first: &Subject, second: &Subject, found: &Comparison) {
    text.push_str(&format!(
        "### {} / {}\n\n| at | ratio of medians | 95 % interval |\n|---|--:|--:|\n",
        first.label, second.label
    ));
    for (milestone, ratio) in &found.all {
        let ratio = ratio.inverse();
        text.push_str(&format!(
            "| {} | {:.2} | {:.2} to {:.2} |\n",
            milestone.title(),
            ratio.value,
            ratio.interval.low,
            ratio.interval.high
        ));
    }
    text.push('\n');
}

fn push_machine(text: &mut String, report: &Report) {
    text.push_str("### Machine\n\n");
    for (name, value) in machine(report) {
        text.push_str(&format!("- {name}: {value}\n"));
    }
    for subject in &report.subjects {
        for artifact in &subject.artifacts {
            text.push_str(&format!(
                "- {}, {}: `{}`\n",
                subject.label, artifact.name, artifact.sha256
            ));
        }
    }
    text.push_str(
        "\n`*` a percentile for which there are too few runs: little more than the largest.\n",
    );
}

/// What is told of the machine and of how it was measured.
pub(crate) fn machine(report: &Report) -> Vec<(&'static str, String)> {
    let machine = &report.machine;
    let governor = machine.governor.as_deref().unwrap_or("none shown");
    let inside = if machine.virtual_machine {
        ", itself a VM"
    } else {
        ""
    };
    vec![
        (
            "processor",
            format!("{}, {} online{inside}", machine.cpu, machine.cpus),
        ),
        ("governor", governor.to_owned()),
        ("KVM", machine.kvm.clone()),
        ("kernel", machine.kernel.clone()),
        ("memory", format!("{} MiB", machine.memory_mib)),
        (
            "load of the last minute",
            format!(
                "{:.2} before, {:.2} after",
                machine.load_before, machine.load_after
            ),
        ),
        (
            "rounds",
            format!(
                "{} after {} of warm-up, in turns",
                report.settings.runs, report.settings.warmup
            ),
        ),
        ("command", format!("`{}`", report.command)),
        ("kindling", report.kindling.clone()),
    ]
}

/// Milliseconds: with a decimal where that says something.
pub(crate) fn ms(value: f64) -> String {
    if value.abs() < 100.0 {
        format!("{value:.1}")
    } else {
        format!("{value:.0}")
    }
}

fn tail(estimate: &Estimate) -> String {
    let mark = if estimate.resolved { "" } else { "\\*" };
    format!("{}{mark}", ms(estimate.value))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::tests::report;

    #[test]
    fn a_table_has_figures_ratio_outliers_and_machine() {
        let boots = [1000.0, 1001.0, 999.0, 1000.5, 1002.0, 3000.0];
        let resumes = boots.map(|at| at / 10.0);
        let text = table(&report(&boots, &resumes), 0.0);
        let has = |part: &str| assert!(text.contains(part), "no {part:?} in\n{text}");
        has("**cold boot of a takes 10.00 (95 % interval ");
        has("| ready | 1001 | 1000 to 2001 | 2001\\* | 2900\\* | 999 | 3000 |");
        has("run 6: 3000 ms (load 0.50)");
        has("| agent answers | 10.00 |");
        has("Phases at the median, ms: prepare 100");
        has("- command: `kindling bench boot a`");
        has(&"ab".repeat(32));
    }

    #[test]
    fn one_subject_is_compared_with_nothing() {
        let text = table(&report(&[100.0], &[]), 0.0);
        assert!(!text.contains("ratio"), "{text}");
        assert!(text.contains("1 runs"), "{text}");
    }
}
