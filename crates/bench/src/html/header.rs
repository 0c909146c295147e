//! The head of a page: a sentence to take home, and a card for each subject.

use serde::Serialize;

use crate::comparison::{Comparison, Verdict};
use crate::facts::RatioFigures;
use crate::report::{Report, Subject};
use crate::text::time;

/// The variables of `sections/header.html`.
#[derive(Debug, Serialize)]
pub(super) struct Header<'a> {
    pub(super) title: String,
    cards: Vec<Card<'a>>,
    ratio: Option<RatioCard>,
}

/// The time of a subject.
#[derive(Debug, Serialize)]
struct Card<'a> {
    label: &'a str,
    goal: &'static str,
    value: String,
    unit: String,
    count: usize,
    low: String,
    high: String,
    engine: &'a str,
    accelerator: String,
    vcpus: u32,
    memory_mib: u32,
}

/// The ratio of the two subjects, the slower by the faster.
#[derive(Debug, Serialize)]
struct RatioCard {
    #[serde(flatten)]
    ratio: RatioFigures,
    verdict: &'static str,
}

/// The head of a report's page.
pub(super) fn header<'a>(report: &'a Report, compared: Option<&Comparison>) -> Header<'a> {
    Header {
        title: capital(&headline(report, compared)),
        cards: report.subjects.iter().filter_map(card).collect(),
        ratio: compared.map(ratio_card),
    }
}

fn card(subject: &Subject) -> Option<Card<'_>> {
    let (goal, summary) = (subject.goal()?, subject.goal_summary()?);
    let shown = time(summary.p50.value);
    let (value, unit) = shown.split_once(' ').unwrap_or((&shown, ""));
    Some(Card {
        label: &subject.label,
        goal: goal.title(),
        value: value.to_owned(),
        unit: unit.to_owned(),
        count: summary.count,
        low: time(summary.p50.interval.low),
        high: time(summary.p50.interval.high),
        engine: &subject.engine.name,
        accelerator: subject.engine.accelerator.to_uppercase(),
        vcpus: subject.vcpus,
        memory_mib: subject.memory_mib,
    })
}

fn ratio_card(found: &Comparison) -> RatioCard {
    let ratio = match found.ratio.value {
        ..=1.0 => found.ratio.inverse(),
        _ => found.ratio,
    };
    RatioCard {
        ratio: ratio.into(),
        verdict: match found.verdict {
            Verdict::Same => "the interval holds 1: no difference is shown",
            Verdict::TooFew => "too few runs to judge",
            Verdict::Faster => "the second is faster, beyond the interval",
            Verdict::Slower => "the second is slower, beyond the interval",
        },
    }
}

/// The text with a capital first letter, unless it begins with the name of a bundle.
fn capital(text: &str) -> String {
    for first in ["cold boot", "resume"] {
        if let Some(rest) = text.strip_prefix(first) {
            let (letter, others) = first.split_at(1);
            return format!("{}{others}{rest}", letter.to_uppercase());
        }
    }
    text.to_owned()
}

/// The one sentence that a reader takes home.
fn headline(report: &Report, compared: Option<&Comparison>) -> String {
    if let ([first, second], Some(found)) = (report.subjects.as_slice(), compared) {
        return versus(first, second, found);
    }
    let Some(subject) = report.subjects.first() else {
        return "Nothing was measured".to_owned();
    };
    let label = &subject.label;
    match (subject.goal(), subject.goal_summary()) {
        (Some(goal), Some(summary)) => {
            let (goal, after) = (goal.title(), time(summary.p50.value));
            format!("{label}: \"{goal}\" after {after}")
        }
        _ => label.clone(),
    }
}

fn versus(first: &Subject, second: &Subject, found: &Comparison) -> String {
    let (fast, slow, ratio) = match found.ratio.value {
        ..=1.0 => (second, first, found.ratio.inverse().value),
        _ => (first, second, found.ratio.value),
    };
    let (fast, slow) = (&fast.label, &slow.label);
    match found.verdict {
        Verdict::Same => format!("{} and {} do not differ", first.label, second.label),
        _ if ratio >= 2.0 => format!("{fast} is {ratio:.1} times as fast as {slow}"),
        _ => {
            let percent = (1.0 - 1.0 / ratio) * 100.0;
            format!("{fast} is {percent:.1} % faster than {slow}")
        }
    }
}
