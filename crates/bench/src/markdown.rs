//! A report as Markdown, for a terminal, a pull request or a page of documentation.

use kindling_base::Result;
use serde::Serialize;

use crate::facts::{self, Fact, Figures, RatioRow};
use crate::milestone::{Milestone, PHASES};
use crate::report::{Artifact, Footprint, Report, Subject};
use crate::stats::{Summary, summarise};
use crate::templates::render;
use crate::text::{hundredths, ms};

/// The report as Markdown. A second subject that is slower by less than `tolerance` (0.05 is 5 %) is not called slower.
///
/// # Errors
/// A defect of the template.
pub fn table(report: &Report, tolerance: f64) -> Result<String> {
    render("report.md", &document(report, tolerance))
}

/// The variables of `report.md`.
#[derive(Debug, Serialize)]
struct Document<'a> {
    title: String,
    sentence: Option<String>,
    subjects: Vec<Section<'a>>,
    ratios: Option<Vec<RatioRow>>,
    machine: Vec<Fact>,
}

/// A subject.
#[derive(Debug, Serialize)]
struct Section<'a> {
    label: &'a str,
    version: &'a str,
    engine: &'a str,
    accelerator: String,
    vcpus: u32,
    memory_mib: u32,
    runs: usize,
    until: Option<&'a str>,
    figures: Vec<Figures>,
    phases: Vec<String>,
    clock_bound: Option<String>,
    rounds: Vec<Spread<'a>>,
    footprint: Option<Taken>,
    monitor: Vec<Spread<'a>>,
    outliers: Vec<String>,
    artifacts: &'a [Artifact],
}

/// A median and the ends of a range, in milliseconds.
#[derive(Debug, Serialize)]
struct Spread<'a> {
    name: &'a str,
    p50: String,
    low: String,
    high: String,
}

/// Memory and disk of one VM at the median, in MiB.
#[derive(Debug, Serialize)]
struct Taken {
    pss: String,
    private: String,
    rss: String,
    disk: String,
}

fn document(report: &Report, tolerance: f64) -> Document<'_> {
    let found = facts::compared(report, tolerance);
    let sentence = match (report.subjects.as_slice(), &found) {
        ([first, second], Some(found)) => Some(found.sentence(&first.label, &second.label)),
        _ => None,
    };
    Document {
        title: report.title(),
        sentence,
        subjects: report.subjects.iter().map(section).collect(),
        ratios: found.as_ref().map(facts::ratios),
        machine: facts::machine(report),
    }
}

fn section(subject: &Subject) -> Section<'_> {
    Section {
        label: &subject.label,
        version: &subject.engine.version,
        engine: &subject.engine.name,
        accelerator: subject.engine.accelerator.to_uppercase(),
        vcpus: subject.vcpus,
        memory_mib: subject.memory_mib,
        runs: subject.runs.len(),
        until: subject.until.as_deref(),
        figures: facts::figures(subject),
        phases: phases(subject),
        clock_bound: facts::clock_bound(subject.runs.iter()),
        rounds: rounds(subject),
        footprint: footprint(subject),
        monitor: monitor(subject),
        outliers: facts::outliers(subject),
        artifacts: &subject.artifacts,
    }
}

/// The main phases at the median.
fn phases(subject: &Subject) -> Vec<String> {
    let medians = subject.medians();
    let main = PHASES.iter().filter(|phase| phase.main);
    let spans = main.filter_map(|phase| {
        let (from, to) = phase.span(&medians)?;
        Some(format!("{} {}", phase.name, ms(to - from)))
    });
    spans.collect()
}

/// The time until the last VM of a round was there, where rounds have several.
fn rounds(subject: &Subject) -> Vec<Spread<'_>> {
    let several = subject.runs.iter().any(|run| run.clone.is_some());
    if !several || subject.runs.iter().all(|run| run.footprint.is_none()) {
        return Vec::new();
    }
    let milestones = [Milestone::AgentAnswer, Milestone::Ready].into_iter();
    let spreads = milestones.filter_map(|milestone| {
        let last = summarise(&subject.last_of_rounds(milestone))?;
        let interval = last.p50.interval;
        Some(spread(
            milestone.title(),
            &last,
            interval.low,
            interval.high,
        ))
    });
    spreads.collect()
}

fn spread<'a>(name: &'a str, summary: &Summary, low: f64, high: f64) -> Spread<'a> {
    Spread {
        name,
        p50: ms(summary.p50.value),
        low: ms(low),
        high: ms(high),
    }
}

fn footprint(subject: &Subject) -> Option<Taken> {
    let taken = subject.runs.iter().filter_map(|run| run.footprint);
    let taken: Vec<Footprint> = taken.collect();
    let median = |of: fn(&Footprint) -> u64, unit: f64| {
        let values: Vec<f64> = taken.iter().map(|one| of(one) as f64 / unit).collect();
        summarise(&values).map(|summary| summary.p50.value)
    };
    let tenths = |mib: f64| format!("{mib:.1}");
    Some(Taken {
        pss: median(|one| one.pss_kib, 1024.0).map(tenths)?,
        private: median(|one| one.private_kib, 1024.0).map(tenths)?,
        rss: median(|one| one.rss_kib, 1024.0).map(tenths)?,
        disk: median(|one| one.disk_bytes, 1024.0 * 1024.0).map(hundredths)?,
    })
}

/// The monitor's own times.
fn monitor(subject: &Subject) -> Vec<Spread<'_>> {
    let runs = &subject.runs;
    let mut names: Vec<&String> = runs.iter().flat_map(|run| run.monitor_ms.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let spreads = names.into_iter().filter_map(|name| {
        let samples = runs.iter().filter_map(|run| run.monitor_ms.get(name));
        let summary = summarise(&samples.copied().collect::<Vec<_>>())?;
        Some(spread(name, &summary, summary.min, summary.max))
    });
    spreads.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::report;

    #[test]
    fn a_table_has_figures_ratio_outliers_and_machine() {
        let boots = [1000.0, 1001.0, 999.0, 1000.5, 1002.0, 3000.0];
        let resumes = boots.map(|at| at / 10.0);
        let text = table(&report(&boots, &resumes), 0.0).unwrap();
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
    fn a_whole_report_as_markdown() {
        insta::assert_snapshot!(table(&crate::sample::full("cold boot of a"), 0.0).unwrap());
    }

    #[test]
    fn one_subject_is_compared_with_nothing() {
        let text = table(&report(&[100.0], &[]), 0.0).unwrap();
        assert!(!text.contains("ratio"), "{text}");
        assert!(text.contains("1 runs"), "{text}");
    }
}
