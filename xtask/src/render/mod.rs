//! The one place that prints: build events as bars, plain lines or JSON, and errors.
//!
//! Text goes to standard error, JSON to standard output. A reader that went away (a closed pipe) does not
//! stop a build: failures to print are ignored.

mod bars;
mod json;
mod ledger;
mod lines;
mod thin;
pub(crate) mod words;

use std::io::IsTerminal;
use std::path::Path;
use std::time::Duration;

use kindling_base::{Error, Event, Outcome, Reporter};

use bars::Bars;
use json::Json;
use lines::Lines;
pub(crate) use words::size;

/// How events are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// A bar for each running stage, redrawn in place.
    Bars,
    /// Plain lines, progress thinned out: for logs.
    Lines,
    /// Errors only.
    Quiet,
    /// One JSON object a line on standard output.
    Json,
}

impl Mode {
    /// Bars on a terminal that can redraw, lines in CI and everywhere else.
    pub(crate) fn detect() -> Self {
        let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_none_or(|term| term == "dumb");
        if std::io::stderr().is_terminal() && !dumb && !set("CI") {
            Mode::Bars
        } else {
            Mode::Lines
        }
    }
}

/// The result of a build, for its end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Summary<'a> {
    /// Where the bundle is.
    pub(crate) folder: &'a Path,
    /// Whether anything had to be done.
    pub(crate) outcome: Outcome,
    /// The stages that the build waited for, in order.
    pub(crate) critical_path: &'a [(&'static str, Duration)],
}

/// Shows events while they happen, then the end of the story.
pub(crate) trait Renderer: Reporter {
    /// A build ended well: the table of its stages, or one line if all of it was up to date.
    fn finish(&self, summary: Summary<'_>);

    /// A command ended with an error.
    fn error(&self, error: &Error);

    /// Prints the command's data on standard output.
    fn data(&self, text: &str) {
        words::print(&mut std::io::stdout(), text);
    }

    /// Something a person may want to know.
    fn note(&self, text: &str) {
        self.report(Event::Note(text.to_owned()));
    }
}

/// The renderer of a mode, on the standard streams. Its clock starts now.
pub(crate) fn renderer(mode: Mode) -> Box<dyn Renderer> {
    let stderr = std::io::stderr();
    let colour = colour(stderr.is_terminal(), |name| std::env::var(name).ok());
    match mode {
        Mode::Bars => {
            let target = indicatif::ProgressDrawTarget::stderr();
            Box::new(Bars::new(target, stderr, colour))
        }
        Mode::Lines => Box::new(Lines::new(stderr, colour)),
        Mode::Quiet => Box::new(Quiet { colour }),
        Mode::Json => Box::new(Json::new(std::io::stdout())),
    }
}

/// Whether to colour (<https://no-color.org>).
fn colour(terminal: bool, variable: impl Fn(&str) -> Option<String>) -> bool {
    let no_color = variable("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = variable("TERM").is_none_or(|term| term == "dumb");
    terminal && !no_color && !dumb
}

/// Shows errors only.
struct Quiet {
    colour: bool,
}

impl Reporter for Quiet {
    fn report(&self, _: Event) {}
}

impl Renderer for Quiet {
    fn finish(&self, _: Summary<'_>) {}

    fn error(&self, error: &Error) {
        words::print(&mut std::io::stderr(), &words::error(error, self.colour));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colour_is_for_terminals_whose_user_did_not_object() {
        let with = |terminal, no_color: Option<&str>, term: Option<&str>| {
            colour(terminal, |name| match name {
                "NO_COLOR" => no_color.map(str::to_owned),
                _ => term.map(str::to_owned),
            })
        };
        assert!(with(true, None, Some("xterm")));
        assert!(with(true, Some(""), Some("xterm")));
        assert!(!with(true, Some("1"), Some("xterm")));
        assert!(!with(false, None, Some("xterm")));
        assert!(!with(true, None, Some("dumb")));
        assert!(!with(true, None, None));
    }
}
