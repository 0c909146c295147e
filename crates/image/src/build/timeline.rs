//! When each stage was made, and which of them the build waited for.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use kindling_base::{Event, Outcome, Reporter};

use crate::stage;

/// Passes events on and remembers when stages were made.
pub(super) struct Timeline<'a> {
    reporter: &'a dyn Reporter,
    spans: Mutex<Vec<Span>>,
}

/// A stage that was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    stage: &'static str,
    ended: Instant,
    elapsed: Duration,
}

impl<'a> Timeline<'a> {
    pub(super) fn new(reporter: &'a dyn Reporter) -> Self {
        Self {
            reporter,
            spans: Mutex::new(Vec::new()),
        }
    }

    /// The stages that the build waited for, in order, each with its time: from the last one that ended back to what it
    /// needed that ended last, and so on.
    pub(super) fn critical_path(&self) -> Vec<(&'static str, Duration)> {
        let spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
        path(&spans)
    }
}

impl Reporter for Timeline<'_> {
    fn report(&self, event: Event) {
        if let Event::Finished {
            stage,
            outcome: Outcome::Built,
            elapsed,
            ..
        } = event
        {
            let ended = Instant::now();
            let mut spans = self.spans.lock().unwrap_or_else(PoisonError::into_inner);
            spans.push(Span {
                stage,
                ended,
                elapsed,
            });
        }
        self.reporter.report(event);
    }
}

fn path(spans: &[Span]) -> Vec<(&'static str, Duration)> {
    let mut path = Vec::new();
    let mut at = spans.iter().max_by_key(|span| span.ended);
    while let Some(span) = at {
        path.push((span.stage, span.elapsed));
        let began = span.ended - span.elapsed;
        let needed = spans.iter().filter(|other| {
            let is_needed = stage::needs(span.stage).contains(&other.stage);
            is_needed && other.ended <= began && *other != span
        });
        at = needed.max_by_key(|other| other.ended);
    }
    path.reverse();
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_goes_through_what_ended_last_of_what_was_needed() {
        let start = Instant::now();
        let span = |stage, from: u64, to: u64| Span {
            stage,
            ended: start + Duration::from_secs(to),
            elapsed: Duration::from_secs(to - from),
        };
        let mut spans = vec![
            span(stage::DOWNLOAD, 0, 2),
            span(stage::SOURCE, 0, 3),
            span(stage::PACKAGES, 2, 6),
            span(stage::INITRAMFS, 0, 9),
            span(stage::AGENT, 0, 20),
            span(stage::ROOTFS, 20, 22),
            span(stage::KERNEL, 3, 40),
            span(stage::LINT, 40, 41),
            span(stage::BUNDLE, 41, 42),
        ];
        let names = |spans: &[Span]| {
            path(spans)
                .iter()
                .map(|(stage, _)| *stage)
                .collect::<Vec<_>>()
        };
        assert_eq!(names(&spans), ["source", "kernel", "lint", "bundle"]);
        spans.retain(|span| span.stage != stage::KERNEL && span.stage != stage::SOURCE);
        assert_eq!(names(&spans), ["agent", "rootfs", "lint", "bundle"]);
        spans.retain(|span| span.stage != stage::AGENT);
        assert_eq!(
            names(&spans),
            ["download", "packages", "rootfs", "lint", "bundle"]
        );
        assert_eq!(names(&[]), [""; 0]);
    }
}
