//! A report as one page that needs no network and no script, in light and in dark.
//!
//! Each section has a file here, which computes its variables, and one in `templates/`, which has its text and elements.

mod bars;
mod clones;
mod guest;
mod header;
mod method;
mod phases;
mod scale;
mod spread;

use kindling_base::Result;
use serde::Serialize;

use crate::facts::{self, Fact, Figures, RatioRow};
use crate::report::{Report, Subject};
use crate::templates::render;

/// The page. A second subject that is slower by less than `tolerance` (0.05 is 5 %) is not called slower.
///
/// # Errors
/// A defect of the template.
pub fn page(report: &Report, tolerance: f64) -> Result<String> {
    let found = facts::compared(report, tolerance);
    let subjects = &report.subjects;
    let page = Page {
        style: include_str!("../../templates/style.css"),
        header: header::header(report, found.as_ref()),
        phases: phases::section(subjects),
        runs: subjects.iter().filter_map(spread::runs).collect(),
        clones: subjects.iter().filter_map(clones::section).collect(),
        guests: subjects.iter().filter_map(guest::section).collect(),
        figures: subjects.iter().map(Table::from).collect(),
        ratios: found.as_ref().map(facts::ratios),
        machine: facts::machine(report),
        files: subjects.iter().map(method::Files::from).collect(),
        method: method::method(report),
        kindling: &report.kindling,
        run_count: subjects.iter().map(|subject| subject.runs.len()).sum(),
    };
    render("page.html", &page)
}

/// The variables of `page.html`.
#[derive(Debug, Serialize)]
struct Page<'a> {
    style: &'static str,
    header: header::Header<'a>,
    phases: Option<phases::Section<'a>>,
    runs: Vec<spread::Runs<'a>>,
    clones: Vec<clones::Section>,
    guests: Vec<guest::Section<'a>>,
    figures: Vec<Table<'a>>,
    ratios: Option<Vec<RatioRow>>,
    machine: Vec<Fact>,
    files: Vec<method::Files<'a>>,
    method: method::Method,
    kindling: &'a str,
    run_count: usize,
}

/// The figures of a subject.
#[derive(Debug, Serialize)]
struct Table<'a> {
    label: &'a str,
    rows: Vec<Figures>,
    outliers: Vec<String>,
}

impl<'a> From<&'a Subject> for Table<'a> {
    fn from(subject: &'a Subject) -> Self {
        Self {
            label: &subject.label,
            rows: facts::figures(subject),
            outliers: facts::outliers(subject),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{full, report};
    use proptest::prelude::*;
    use std::sync::LazyLock;

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

    #[test]
    fn a_page_is_whole_and_needs_nothing_else() {
        let page = page(&full("cold boot of a"), 0.0).unwrap();
        assert!(unbalanced(&page).is_empty());
        for wanted in [
            "kindling-network.service",
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
    fn a_whole_report_as_a_page() {
        insta::assert_snapshot!(page(&full("cold boot of a"), 0.0).unwrap());
    }

    #[test]
    fn nothing_measured_is_a_page_too() {
        let mut empty = report(&[], &[]);
        empty.subjects[0].summarise();
        assert!(unbalanced(&page(&empty, 0.0).unwrap()).is_empty());
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(4))]
        #[test]
        fn whatever_a_subject_is_called_the_page_is_whole(label in ".{0,30}") {
            static FULL: LazyLock<Report> = LazyLock::new(|| full(""));
            let mut report = FULL.clone();
            report.subjects[0].label = label;
            prop_assert!(unbalanced(&page(&report, 0.0).unwrap()).is_empty());
        }
    }
}
