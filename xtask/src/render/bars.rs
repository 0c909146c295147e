//! A bar for each running stage on a terminal.

use std::collections::HashMap;
use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use kindling_base::{Error, Event, Reporter, Unit};

use super::ledger::{Ledger, closing};
use super::{Renderer, Summary, words};

/// How often a bar is redrawn while nothing is reported, so that its clock goes on.
const TICK: Duration = Duration::from_millis(200);

/// One line for each running stage, redrawn in place; lines that stay are printed above.
pub(super) struct Bars<W> {
    lines: MultiProgress,
    state: Mutex<State<W>>,
    colour: bool,
}

struct State<W> {
    out: W,
    running: HashMap<&'static str, ProgressBar>,
    ledger: Ledger,
}

impl<W: Write + Send> Bars<W> {
    /// Bars on `target`, and lines that stay on `out`, which is the same terminal.
    pub(super) fn new(target: ProgressDrawTarget, out: W, colour: bool) -> Self {
        let state = State {
            out,
            running: HashMap::new(),
            ledger: Ledger::new(),
        };
        Self {
            lines: MultiProgress::with_draw_target(target),
            state: Mutex::new(state),
            colour,
        }
    }

    fn with(&self, act: impl FnOnce(&mut State<W>)) {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// The bar of a stage, made when it is first asked for.
    fn bar(&self, state: &mut State<W>, stage: &'static str) -> ProgressBar {
        let new = || {
            let bar = ProgressBar::no_length().with_style(style(None, false, self.colour));
            let bar = self.lines.add(bar.with_prefix(stage));
            bar.enable_steady_tick(TICK);
            bar
        };
        state.running.entry(stage).or_insert_with(new).clone()
    }

    /// Prints text that stays, above the bars. indicatif's own `println` would fill each line with spaces.
    fn print(&self, state: &mut State<W>, text: &str) {
        self.lines.suspend(|| words::print(&mut state.out, text));
    }

    /// Prints an event that stays, if it is one.
    fn print_event(&self, state: &mut State<W>, event: &Event) {
        if let Some(line) = words::event(event, self.colour) {
            self.print(state, &line);
        }
    }

    /// Takes every bar away, as when a build ends in the middle of its stages.
    fn clear(&self, state: &mut State<W>) {
        for (_, bar) in state.running.drain() {
            bar.finish_and_clear();
        }
    }
}

impl<W: Write + Send> Reporter for Bars<W> {
    fn report(&self, event: Event) {
        self.with(|state| match event {
            Event::Started { stage, detail } => self.bar(state, stage).set_message(detail),
            Event::Progress {
                stage,
                unit,
                done,
                total,
            } => {
                let bar = self.bar(state, stage);
                if bar.length() != total || done < bar.position() || bar.position() == 0 {
                    bar.set_style(style(Some(unit), total.is_some(), self.colour));
                    match total {
                        Some(total) => bar.set_length(total),
                        None => bar.unset_length(),
                    }
                }
                bar.set_position(done);
            }
            Event::Finished { stage, .. } => {
                if let Some(bar) = state.running.remove(stage) {
                    bar.finish_and_clear();
                }
                state.ledger.enter(&event);
                self.print_event(state, &event);
            }
            Event::Note(_) | Event::Warning(_) => {
                self.print_event(state, &event);
            }
        });
    }
}

impl<W: Write + Send> Renderer for Bars<W> {
    fn finish(&self, summary: Summary<'_>) {
        self.with(|state| {
            self.clear(state);
            let rows = state.ledger.take();
            let text = closing(&rows, state.ledger.elapsed(), &summary);
            self.print(state, &text);
        });
    }

    fn error(&self, error: &Error) {
        self.with(|state| {
            self.clear(state);
            self.print(state, &words::error(error, self.colour));
        });
    }
}

/// How a bar looks: with a total a bar and the time left, without one a count, before the first count a clock.
fn style(unit: Option<Unit>, total: bool, colour: bool) -> ProgressStyle {
    let counts = match (unit, total) {
        (None, _) => String::new(),
        (Some(Unit::Bytes), true) => {
            "{binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} ".to_owned()
        }
        (Some(Unit::Bytes), false) => "{binary_bytes} {binary_bytes_per_sec} ".to_owned(),
        (Some(unit), true) => format!("{{pos}}/{{len}} {} ", unit.noun()),
        (Some(unit), false) => format!("{{pos}} {} ", unit.noun()),
    };
    let bar = match (total, colour) {
        (false, _) => "",
        (true, false) => "[{bar:24}] ",
        (true, true) => "[{bar:24.cyan}] ",
    };
    let template = format!("{{prefix:10}} {bar}{counts}{{elapsed}} {{wide_msg}}");
    // A template that indicatif cannot read is a bug that the tests below would find.
    let style = ProgressStyle::with_template(&template);
    style
        .unwrap_or_else(|_| ProgressStyle::default_bar())
        .progress_chars("=> ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::{InMemoryTerm, TermLike};
    use kindling_base::Outcome;
    use std::time::Instant;

    /// The terminal as a stream, with the carriage returns that a real one's driver adds.
    struct Stream(InMemoryTerm);

    impl Write for Stream {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            let text = String::from_utf8_lossy(bytes).replace('\n', "\r\n");
            self.0.write_str(&text).map(|()| bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    fn bars(colour: bool) -> (Bars<Stream>, InMemoryTerm) {
        let terminal = InMemoryTerm::new(12, 100);
        let target = ProgressDrawTarget::term_like(Box::new(terminal.clone()));
        let out = Stream(terminal.clone());
        (Bars::new(target, out, colour), terminal)
    }

    /// The screen once it is as expected: bars are redrawn by a clock of their own.
    fn screen(terminal: &InMemoryTerm, expected: impl Fn(&[&str]) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        loop {
            let screen = terminal.contents();
            let lines: Vec<&str> = screen.lines().collect();
            if expected(&lines) {
                return;
            }
            assert!(Instant::now() < deadline, "{screen}");
            std::thread::yield_now();
        }
    }

    #[test]
    fn each_running_stage_has_a_line_and_then_a_word() {
        let (bars, terminal) = bars(false);
        let (stage, unit, outcome) = ("kernel", Unit::Objects, Outcome::Built);
        let detail = "compiling Linux".to_owned();
        bars.report(Event::Started { stage, detail });
        let (done, total) = (1500, Some(3000));
        bars.report(Event::Progress {
            stage,
            unit,
            done,
            total,
        });
        screen(&terminal, |lines| {
            let [line] = lines else { return false };
            line.starts_with("kernel     [============>           ] 1500/3000 objects")
                && line.ends_with("compiling Linux")
        });
        let (other, unit, total) = ("packages", Unit::Bytes, None);
        bars.report(Event::Progress {
            stage: other,
            unit,
            done: 1 << 20,
            total,
        });
        screen(&terminal, |lines| {
            lines.len() == 2 && lines[1].starts_with("packages   1.00 MiB")
        });
        let (elapsed, bytes) = (Duration::from_secs(252), 1 << 20);
        bars.report(Event::Finished {
            stage,
            outcome,
            elapsed,
            bytes,
        });
        bars.note("to know");
        screen(&terminal, |lines| {
            lines.len() == 3
                && lines[..2] == ["kernel: built in 4 min 12 s, 1.0 MiB", "to know"]
                && lines[2].starts_with("packages")
        });
        bars.error(&Error::user("it broke").hint("mend it"));
        screen(&terminal, |lines| {
            lines[1..] == ["to know", "error: it broke", "hint: mend it"]
        });
    }

    #[test]
    fn every_style_is_understood() {
        let units = [Unit::Bytes, Unit::Packages, Unit::Objects, Unit::Blocks];
        for unit in units {
            for (total, colour) in [(Some(2), false), (Some(2), true), (None, false)] {
                let (bars, terminal) = bars(colour);
                bars.report(Event::Progress {
                    stage: "stage",
                    unit,
                    done: 1,
                    total,
                });
                let screen = terminal.contents();
                assert!(screen.starts_with("stage "), "{screen}");
                assert!(
                    unit == Unit::Bytes || screen.contains(unit.noun()),
                    "{screen}"
                );
            }
        }
    }
}
