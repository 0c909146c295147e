//! The sections of the machine and of the method.

use serde::Serialize;

use crate::facts::clock_bound;
use crate::milestone::{Milestone, PHASES};
use crate::report::{Artifact, Report, Subject};

/// The files that a subject was made from.
#[derive(Debug, Serialize)]
pub(super) struct Files<'a> {
    label: &'a str,
    version: &'a str,
    artifacts: &'a [Artifact],
}

impl<'a> From<&'a Subject> for Files<'a> {
    fn from(subject: &'a Subject) -> Self {
        Self {
            label: &subject.label,
            version: &subject.engine.version,
            artifacts: &subject.artifacts,
        }
    }
}

/// The variables of `sections/method.html`.
#[derive(Debug, Serialize)]
pub(super) struct Method {
    clock_bound: Option<String>,
    milestones: Vec<Definition>,
    phases: Vec<Span>,
}

#[derive(Debug, Serialize)]
struct Definition {
    title: &'static str,
    definition: &'static str,
}

#[derive(Debug, Serialize)]
struct Span {
    name: &'static str,
    from: &'static str,
    to: &'static str,
}

/// Defines the milestones and phases that the report has.
pub(super) fn method(report: &Report) -> Method {
    let subjects = &report.subjects;
    let is_used = |milestone: &Milestone| {
        let mut used = subjects.iter().map(|s| s.summary.contains_key(milestone));
        used.any(|used| used)
    };
    let medians: Vec<_> = subjects.iter().map(Subject::medians).collect();
    let shown = PHASES
        .iter()
        .filter(|phase| medians.iter().any(|points| phase.span(points).is_some()));
    let used = Milestone::ALL.into_iter().filter(is_used);
    Method {
        clock_bound: clock_bound(subjects.iter().flat_map(|subject| &subject.runs)),
        milestones: used
            .map(|milestone| Definition {
                title: milestone.title(),
                definition: milestone.definition(),
            })
            .collect(),
        phases: shown
            .map(|phase| Span {
                name: phase.name,
                from: phase
                    .from
                    .map_or("the start of the command", Milestone::title),
                to: phase.to.title(),
            })
            .collect(),
    }
}
