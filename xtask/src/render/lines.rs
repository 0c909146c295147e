//! Plain lines, for CI, pipes and terminals that cannot redraw.

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kindling_base::{Error, Event, Reporter};

use super::ledger::{Ledger, closing};
use super::thin::Thin;
use super::{Renderer, Summary, words};

/// A stage's progress is printed at most this often ...
const PAUSE: Duration = Duration::from_secs(5);
/// ... and only after so many percent more.
const PERCENT: u64 = 10;

/// Prints a line for each event, progress thinned out.
pub(super) struct Lines<W> {
    state: Mutex<State<W>>,
    colour: bool,
}

struct State<W> {
    out: W,
    thin: Thin,
    ledger: Ledger,
}

impl<W: Write + Send> Lines<W> {
    pub(super) fn new(out: W, colour: bool) -> Self {
        let (thin, ledger) = (Thin::new(PAUSE, PERCENT), Ledger::new());
        let state = Mutex::new(State { out, thin, ledger });
        Self { state, colour }
    }

    fn with(&self, act: impl FnOnce(&mut State<W>)) {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl<W: Write + Send> Reporter for Lines<W> {
    fn report(&self, event: Event) {
        self.with(|state| {
            let now = state.ledger.elapsed();
            match event {
                Event::Started { stage, .. } => state.thin.start(stage, now),
                Event::Progress {
                    stage, done, total, ..
                } if !state.thin.admits(stage, now, done, total) => {
                    return;
                }
                _ => state.ledger.enter(&event),
            }
            if let Some(line) = words::event(&event, self.colour) {
                words::print(&mut state.out, &line);
            }
        });
    }
}

impl<W: Write + Send> Renderer for Lines<W> {
    fn finish(&self, summary: Summary<'_>) {
        self.with(|state| {
            let rows = state.ledger.take();
            let text = closing(&rows, state.ledger.elapsed(), &summary);
            words::print(&mut state.out, &text);
        });
    }

    fn error(&self, error: &Error) {
        self.with(|state| words::print(&mut state.out, &words::error(error, self.colour)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_base::{Outcome, Unit};
    use std::path::Path;

    #[test]
    fn a_log_has_starts_ends_and_no_flood() {
        let mut out = Vec::new();
        let lines = Lines::new(&mut out, false);
        let stage = "kernel";
        let (ms, outcome) = (Duration::from_millis, Outcome::Built);
        lines.report(Event::Started {
            stage,
            detail: "compiling Linux 6.1.170".to_owned(),
        });
        for done in 0..3000 {
            lines.report(Event::Progress {
                stage,
                unit: Unit::Objects,
                done,
                total: Some(3000),
            });
        }
        lines.report(Event::Finished {
            stage,
            outcome,
            elapsed: ms(252_000),
            bytes: 19_189_862,
        });
        let (stage, outcome) = ("rootfs", Outcome::Cached);
        lines.report(Event::Finished {
            stage,
            outcome,
            elapsed: ms(1),
            bytes: 1 << 29,
        });
        lines.note("something to know");
        lines.report(Event::Warning("something to look at".to_owned()));
        lines.error(&Error::user("it broke").hint("mend it"));
        drop(lines);
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @"
        kernel: compiling Linux 6.1.170
        kernel: built in 4 min 12 s, 18.3 MiB
        something to know
        warning: something to look at
        error: it broke
        hint: mend it
        ");
    }

    #[test]
    fn a_second_build_begins_a_new_table() {
        let mut out = Vec::new();
        let lines = Lines::new(&mut out, false);
        let folder = Path::new("out/x");
        for (stage, bytes) in [("kernel", 1), ("rootfs", 2)] {
            let (outcome, elapsed) = (Outcome::Built, Duration::ZERO);
            lines.report(Event::Finished {
                stage,
                outcome,
                elapsed,
                bytes,
            });
            lines.finish(Summary {
                folder,
                outcome,
                critical_path: &[],
            });
        }
        drop(lines);
        let text = String::from_utf8(out).unwrap();
        let (_, second) = text.split_once("is ready").unwrap();
        assert!(
            second.contains("rootfs") && !second.contains("kernel"),
            "{text}"
        );
    }
}
