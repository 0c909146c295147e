//! A report as one page that needs no network and no script, in light and in dark.

mod clones;
mod guest;
mod phases;
mod spread;
mod svg;
mod tables;

use crate::comparison::{Comparison, Verdict};
use crate::milestone::PHASES;
use crate::report::{Action, Report, Subject};
use svg::{escape, time};

const STYLE: &str = include_str!("style.css");

/// The page. What is slower by less than `tolerance` (0.05 is 5 %) is not called so.
pub fn page(report: &Report, tolerance: f64) -> String {
    let compared = match report.subjects.as_slice() {
        [first, second] => Comparison::of(first, second, tolerance),
        _ => None,
    };
    let title = capital(&headline(report, compared.as_ref()));
    let mut body = format!(
        "<header><div class=\"kicker\">kindling bench</div><h1>{}</h1>{}</header>",
        escape(&title),
        cards(report, compared.as_ref())
    );
    body.push_str(&where_the_time_goes(report));
    body.push_str(&runs(report));
    body.push_str(&clones_of(report));
    body.push_str(&guests(report));
    body.push_str(&tables::numbers(report, compared.as_ref()));
    body.push_str(&tables::machine(report));
    body.push_str(&tables::method(report));
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{}</title><style>\n{STYLE}</style></head>\n<body><main>{body}\
         <footer>{}</footer></main></body></html>\n",
        escape(&title),
        escape(&format!(
            "Made by kindling {} from {} runs; every figure is in the JSON that --save writes.",
            report.kindling,
            report.subjects.iter().map(|s| s.runs.len()).sum::<usize>()
        ))
    )
}

/// The text with its first letter as a capital one, unless that is the beginning of a bundle's name.
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
        let (fast, slow, ratio) = if found.ratio.value <= 1.0 {
            (second, first, found.ratio.inverse().value)
        } else {
            (first, second, found.ratio.value)
        };
        return match found.verdict {
            Verdict::Same => format!("{} and {} do not differ", first.label, second.label),
            _ if ratio >= 2.0 => {
                format!(
                    "{} is {ratio:.1} times as fast as {}",
                    fast.label, slow.label
                )
            }
            _ => format!(
                "{} is {:.1} % faster than {}",
                fast.label,
                (1.0 - 1.0 / ratio) * 100.0,
                slow.label
            ),
        };
    }
    let Some(subject) = report.subjects.first() else {
        return "Nothing was measured".to_owned();
    };
    match (subject.goal(), subject.goal_summary()) {
        (Some(goal), Some(summary)) => format!(
            "{}: \"{}\" after {}",
            subject.label,
            goal.title(),
            time(summary.p50.value)
        ),
        _ => subject.label.clone(),
    }
}

fn cards(report: &Report, compared: Option<&Comparison>) -> String {
    let mut cards = String::from("<div class=\"cards\">");
    for subject in &report.subjects {
        let (Some(goal), Some(summary)) = (subject.goal(), subject.goal_summary()) else {
            continue;
        };
        let shown = time(summary.p50.value);
        let (value, unit) = shown.split_once(' ').unwrap_or((&shown, ""));
        cards.push_str(&format!(
            "<div class=\"card\"><div class=\"what\">{}, until \"{}\"</div>\
             <div class=\"figure\">{value}<small>{unit}</small></div>\
             <div class=\"more\">p50 of {}; 95 % interval {} to {}</div>\
             <div class=\"more\">{} {}, {} vCPUs, {} MiB</div></div>",
            escape(&subject.label),
            goal.title(),
            summary.count,
            time(summary.p50.interval.low),
            time(summary.p50.interval.high),
            escape(&subject.engine.name),
            escape(&subject.engine.accelerator.to_uppercase()),
            subject.vcpus,
            subject.memory_mib
        ));
    }
    if let Some(found) = compared {
        let ratio = if found.ratio.value <= 1.0 {
            found.ratio.inverse()
        } else {
            found.ratio
        };
        let verdict = match found.verdict {
            Verdict::Same => "the interval holds 1: no difference is shown",
            Verdict::TooFew => "too few runs to judge",
            Verdict::Faster => "the second is faster, beyond the interval",
            Verdict::Slower => "the second is slower, beyond the interval",
        };
        cards.push_str(&format!(
            "<div class=\"card ratio\"><div class=\"what\">ratio of medians</div>\
             <div class=\"figure\">{:.2}<small>×</small></div>\
             <div class=\"more\">95 % interval {:.2} to {:.2}</div><div class=\"more\">{verdict}</div></div>",
            ratio.value, ratio.interval.low, ratio.interval.high
        ));
    }
    cards + "</div>"
}

fn where_the_time_goes(report: &Report) -> String {
    let mut section = String::from(
        "<h2>Where the time goes</h2><p class=\"lead\">Medians, from the start of the command on. \
         Host and guest are on one clock.</p>",
    );
    let main = report
        .subjects
        .iter()
        .any(|subject| !subject.summary.is_empty());
    if !main {
        return String::new();
    }
    section.push_str(&format!(
        "<figure><figcaption><b>The command, end to end</b></figcaption>{}</figure>",
        phases::side_by_side(&report.subjects)
    ));
    for subject in &report.subjects {
        let medians = subject.medians();
        if PHASES
            .iter()
            .filter(|phase| phase.span(&medians).is_some())
            .count()
            < 3
        {
            continue;
        }
        section.push_str(&format!(
            "<figure><figcaption><b>{}</b>, phase by phase; pale ones run beside the others</figcaption>{}</figure>",
            escape(&subject.label),
            phases::timeline(subject)
        ));
    }
    section
}

fn runs(report: &Report) -> String {
    let mut section = String::from(
        "<h2>Every run</h2><p class=\"lead\">One dot is one VM. The line is the median, the band its 95 % interval; \
         a red ring lies apart from the others and counts like them.</p>",
    );
    for subject in &report.subjects {
        let goal = subject.goal().map_or("", |goal| goal.title());
        section.push_str(&format!(
            "<div class=\"pair\"><figure><figcaption><b>{}</b>, until \"{goal}\"</figcaption>{}</figure>\
             <figure><figcaption>in the order in which they ran</figcaption>{}</figure></div>",
            escape(&subject.label),
            spread::distribution(subject),
            spread::order(subject)
        ));
    }
    section
}

fn clones_of(report: &Report) -> String {
    let clones = report.subjects.iter().filter(|s| s.action == Action::Clone);
    let mut section = String::new();
    for subject in clones {
        section.push_str(&format!(
            "<h2>Clones</h2><p class=\"lead\">VMs that one command started from one snapshot.</p><div class=\"pair\">\
             <figure><figcaption><b>Have answered</b> by when, one line a run</figcaption>{}</figure>\
             <figure><figcaption><b>Memory of each</b> in MiB, last run: its own (green), and its share of what \
             all have in common (blue)</figcaption>{}</figure></div>",
            clones::arrivals(subject),
            clones::memory(subject)
        ));
    }
    section
}

fn guests(report: &Report) -> String {
    report.subjects.iter().map(guest_of).collect()
}

fn guest_of(subject: &Subject) -> String {
    let Some(profile) = &subject.profile else {
        return String::new();
    };
    let mut section = format!(
        "<h2>Inside the guest</h2><p class=\"lead\">{}: what its kernel and its service manager say of the last run.</p>",
        escape(&subject.label)
    );
    let units = guest::units(profile);
    if !units.is_empty() {
        section.push_str(&format!(
            "<figure><figcaption><b>Units</b> that took longest to start, from the start of init on</figcaption>{units}</figure>"
        ));
    }
    let steps = guest::initcalls(profile);
    if !steps.is_empty() {
        section.push_str(&format!(
            "<figure><figcaption><b>The kernel's own steps</b> (initcalls), of one more boot with initcall_debug, \
             which is slower than others: {}</figcaption>{steps}</figure>",
            guest::initcall_sum(profile)
        ));
    }
    let chain = profile.critical_chain.trim();
    if !chain.is_empty() {
        section.push_str(&format!(
            "<h3>What the boot waited for</h3><pre>{}</pre>",
            escape(chain)
        ));
    }
    section
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guest::{Initcall, Unit};
    use crate::report::tests::report;
    use crate::report::{Footprint, Profile};
    use proptest::prelude::*;

    /// The names of elements that are opened and not closed.
    fn unbalanced(page: &str) -> Vec<&str> {
        let mut open = Vec::new();
        for piece in page.split('<').skip(1) {
            let tag = piece.split('>').next().unwrap_or_default();
            let name = tag.split([' ', '\n']).next().unwrap_or_default();
            if let Some(closed) = name.strip_prefix('/') {
                assert_eq!(open.pop(), Some(closed), "in {piece}");
            } else if !tag.ends_with('/') && !matches!(name, "meta" | "!doctype") {
                open.push(name);
            }
        }
        open
    }

    fn full(label: &str) -> Report {
        let mut report = report(&[100.0, 110.0, 105.0, 101.0, 102.0, 400.0], &[10.0, 11.0]);
        report.subjects[0].label = label.to_owned();
        report.subjects[0].profile = Some(Profile {
            units: vec![Unit {
                name: "a.service".to_owned(),
                from_ms: 10.0,
                to_ms: 20.0,
            }],
            init_ms: 5.0,
            critical_chain: "graphical.target @1s\n└─<x>".to_owned(),
            initcalls: vec![Initcall {
                name: "acpi_init".to_owned(),
                ended_ms: 9.0,
                took_ms: 6.0,
            }],
        });
        let clones = &mut report.subjects[1];
        clones.action = Action::Clone;
        for (run, number) in clones.runs.iter_mut().zip(1..) {
            run.clone = Some(number);
            run.footprint = Some(Footprint {
                pss_kib: 4096,
                rss_kib: 9000,
                private_kib: 2048,
                disk_bytes: 4096,
            });
        }
        report
    }

    #[test]
    fn a_page_is_whole_and_needs_nothing_else() {
        let page = page(&full("cold boot of a"), 0.0);
        assert!(unbalanced(&page).is_empty());
        for wanted in [
            "a.service",
            "acpi_init",
            "└─&lt;x&gt;",
            "prefers-color-scheme: dark",
            "apart",
        ] {
            assert!(page.contains(wanted), "{wanted}");
        }
        for forbidden in ["<script", "src=", "href=", "url(", "@import"] {
            assert!(!page.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn nothing_measured_is_a_page_too() {
        let mut empty = report(&[], &[]);
        empty.subjects[0].summarise();
        assert!(unbalanced(&page(&empty, 0.0)).is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4))]
        #[test]
        fn whatever_a_subject_is_called_the_page_is_whole(label in ".{0,30}") {
            prop_assert!(unbalanced(&page(&full(&label), 0.0)).is_empty());
        }
    }
}
