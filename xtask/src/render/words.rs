//! Events, sizes, times and errors as text. Pure but for [`print()`].

use std::io::Write;
use std::time::Duration;

use kindling_base::{Error, Event, Outcome, Unit};

const RED: &str = "\x1b[1;31m";
const YELLOW: &str = "\x1b[1;33m";
const CYAN: &str = "\x1b[1;36m";
const RESET: &str = "\x1b[0m";

/// Writes one text and a newline.
pub(super) fn print(out: &mut impl Write, text: &str) {
    // In one call, so that lines of several threads or processes do not mix.
    let _ = out.write_all(format!("{text}\n").as_bytes());
    let _ = out.flush();
}

/// An event as one line. A stage that was found in the store is told in the closing table only.
pub(super) fn event(event: &Event, colour: bool) -> Option<String> {
    match event {
        Event::Started { stage, detail } => Some(format!("{stage}: {detail}")),
        Event::Progress {
            stage,
            unit,
            done,
            total,
        } => Some(format!("{stage}: {}", progress(*unit, *done, *total))),
        Event::Finished {
            outcome: Outcome::Cached,
            ..
        } => None,
        Event::Finished {
            stage,
            elapsed,
            bytes,
            ..
        } => Some(format!(
            "{stage}: built in {}, {}",
            time(*elapsed),
            size(*bytes)
        )),
        Event::Note(text) => Some(text.clone()),
        Event::Warning(text) => Some(format!("{} {text}", paint("warning:", YELLOW, colour))),
    }
}

/// `300 of 3000 objects (10 %)`
fn progress(unit: Unit, done: u64, total: Option<u64>) -> String {
    let count = |n: u64| match unit {
        Unit::Bytes => size(n),
        _ => n.to_string(),
    };
    let noun = match unit {
        Unit::Bytes => String::new(),
        _ => format!(" {}", unit.noun()),
    };
    match total {
        Some(total) if total > 0 => {
            let percent = u128::from(done) * 100 / u128::from(total);
            format!("{} of {}{noun} ({percent} %)", count(done), count(total))
        }
        _ => format!("{}{noun}", count(done)),
    }
}

/// The report of an error, its two key words in colour.
pub(super) fn error(error: &Error, colour: bool) -> String {
    let report = error.report();
    let lines = report.lines().map(|line| {
        if let Some(rest) = line.strip_prefix("error:") {
            format!("{}{rest}", paint("error:", RED, colour))
        } else if let Some(rest) = line.strip_prefix("hint:") {
            format!("{}{rest}", paint("hint:", CYAN, colour))
        } else {
            line.to_owned()
        }
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn paint(word: &str, code: &str, colour: bool) -> String {
    if colour {
        format!("{code}{word}{RESET}")
    } else {
        word.to_owned()
    }
}

/// `0.3 s`, `4 min 12 s`, `1 h 2 min`
pub(super) fn time(time: Duration) -> String {
    // Rounded before it is split, so that 59.97 s is not `60.0 s`.
    let tenths = (time.as_millis() + 50) / 100;
    let seconds = (time.as_millis() + 500) / 1000;
    match seconds {
        _ if tenths < 600 => format!("{}.{} s", tenths / 10, tenths % 10),
        ..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        _ => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
    }
}

/// `812 B`, `211.6 KiB`, `18.3 MiB`
pub(crate) fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 3] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)];
    let unit = UNITS.into_iter().find(|(_, factor)| bytes >= *factor);
    match unit {
        None => format!("{bytes} B"),
        Some((name, factor)) => {
            let tenths = (u128::from(bytes) * 10 + u128::from(factor) / 2) / u128::from(factor);
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_at_a_glance() {
        let cases = [
            0, 49, 50, 59_940, 59_960, 252_000, 3_599_400, 3_599_500, 7_380_000,
        ];
        let texts = cases.map(|ms| time(Duration::from_millis(ms)));
        assert_eq!(
            texts,
            [
                "0.0 s",
                "0.0 s",
                "0.1 s",
                "59.9 s",
                "1 min 0 s",
                "4 min 12 s",
                "59 min 59 s",
                "1 h 0 min",
                "2 h 3 min"
            ]
        );
    }

    #[test]
    fn sizes_have_binary_units() {
        let cases = [0, 1023, 1024, 216_678, 19 << 20, u64::MAX];
        assert_eq!(
            cases.map(size),
            [
                "0 B",
                "1023 B",
                "1.0 KiB",
                "211.6 KiB",
                "19.0 MiB",
                "17179869184.0 GiB"
            ]
        );
    }

    #[test]
    fn progress_with_and_without_an_end() {
        assert_eq!(
            progress(Unit::Objects, 300, Some(3000)),
            "300 of 3000 objects (10 %)"
        );
        assert_eq!(
            progress(Unit::Bytes, 3 << 20, Some(4 << 20)),
            "3.0 MiB of 4.0 MiB (75 %)"
        );
        assert_eq!(progress(Unit::Packages, 7, None), "7 packages");
        assert_eq!(progress(Unit::Blocks, 0, Some(0)), "0 blocks");
    }

    #[test]
    fn an_error_keeps_its_text_and_gains_colour() {
        let failure = Error::user("no such recipe")
            .note("looked in x")
            .hint("create it");
        assert_eq!(error(&failure, false), failure.report());
        assert_eq!(
            error(&failure, true),
            "\u{1b}[1;31merror:\u{1b}[0m no such recipe\n  looked in x\n\u{1b}[1;36mhint:\u{1b}[0m create it"
        );
    }
}
