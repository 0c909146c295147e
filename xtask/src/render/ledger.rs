//! The stages that ended, and the closing table.

use std::time::{Duration, Instant};

use kindling_base::{Event, Outcome};

use super::Summary;
use super::words::{size, time};

/// Finished stages in the order in which they ended, and the time since the renderer was made.
#[derive(Debug)]
pub(super) struct Ledger {
    started: Instant,
    rows: Vec<Row>,
}

/// A finished stage.
#[derive(Clone, Debug)]
pub(super) struct Row {
    pub(super) stage: &'static str,
    pub(super) outcome: Outcome,
    pub(super) elapsed: Duration,
    pub(super) bytes: u64,
}

impl Ledger {
    /// Empty; the clock starts.
    pub(super) fn new() -> Self {
        let started = Instant::now();
        Self {
            started,
            rows: Vec::new(),
        }
    }

    /// Time since the start.
    pub(super) fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Takes note of a stage's end and ignores other events.
    pub(super) fn enter(&mut self, event: &Event) {
        if let &Event::Finished {
            stage,
            outcome,
            elapsed,
            bytes,
        } = event
        {
            self.rows.push(Row {
                stage,
                outcome,
                elapsed,
                bytes,
            });
        }
    }

    /// The rows so far; a renderer that is used for another build begins with none.
    pub(super) fn take(&mut self) -> Vec<Row> {
        std::mem::take(&mut self.rows)
    }
}

/// `built` or `cached`.
pub(super) fn word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Built => "built",
        Outcome::Cached => "cached",
    }
}

/// The table of stages with a line for the whole, or one line if there was nothing to do.
pub(super) fn closing(rows: &[Row], elapsed: Duration, summary: &Summary<'_>) -> String {
    let folder = summary.folder.display();
    if summary.outcome == Outcome::Cached {
        return format!("up to date: {folder} ({})", time(elapsed));
    }
    let built = rows
        .iter()
        .filter(|row| row.outcome == Outcome::Built)
        .count();
    let counts = format!("{built} built, {} cached", rows.len() - built);
    let mut cells = vec![["stage", "time", "size", ""].map(str::to_owned)];
    cells.extend(rows.iter().map(|row| {
        [
            row.stage.to_owned(),
            time(row.elapsed),
            size(row.bytes),
            word(row.outcome).to_owned(),
        ]
    }));
    cells.push(["total".to_owned(), time(elapsed), String::new(), counts]);
    let width = |column: usize| cells.iter().map(|row| row[column].len()).max().unwrap_or(0);
    let (stage, time, size) = (width(0), width(1), width(2));
    let line = |row: &[String; 4]| {
        let line = format!(
            "{:<stage$}  {:>time$}  {:>size$}  {}",
            row[0], row[1], row[2], row[3]
        );
        line.trim_end().to_owned()
    };
    let mut table: Vec<String> = cells.iter().map(line).collect();
    table.extend(critical_path(summary.critical_path));
    format!("{}\n{folder} is ready", table.join("\n"))
}

/// One line that says which stages to make faster for a faster build, if more than one was made.
fn critical_path(stages: &[(&'static str, Duration)]) -> Option<String> {
    let part = |(stage, elapsed): &(&str, Duration)| format!("{stage} {}", time(*elapsed));
    let parts: Vec<String> = stages.iter().map(part).collect();
    (parts.len() > 1).then(|| format!("critical path: {}", parts.join(" > ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    const PATH: [(&str, Duration); 2] = [
        ("kernel", Duration::from_secs(252)),
        ("lint", Duration::from_millis(40)),
    ];

    fn summary(outcome: Outcome) -> Summary<'static> {
        Summary {
            folder: Path::new("out/minimal-debian-12"),
            outcome,
            critical_path: &PATH,
        }
    }

    #[test]
    fn the_table_has_a_line_for_each_stage_and_one_for_all() {
        let row = |stage, outcome, ms, bytes| Row {
            stage,
            outcome,
            elapsed: Duration::from_millis(ms),
            bytes,
        };
        let rows = [
            row("packages", Outcome::Cached, 3, 85_144_371),
            row("kernel", Outcome::Built, 252_000, 19_189_862),
            row("initramfs", Outcome::Built, 4_200, 216_678),
        ];
        let table = closing(&rows, Duration::from_secs(270), &summary(Outcome::Built));
        insta::assert_snapshot!(table, @"
        stage            time       size
        packages        0.0 s   81.2 MiB  cached
        kernel     4 min 12 s   18.3 MiB  built
        initramfs       4.2 s  211.6 KiB  built
        total      4 min 30 s             2 built, 1 cached
        critical path: kernel 4 min 12 s > lint 0.0 s
        out/minimal-debian-12 is ready
        ");
    }

    #[test]
    fn nothing_to_do_is_one_line() {
        let line = closing(&[], Duration::from_millis(180), &summary(Outcome::Cached));
        assert_eq!(line, "up to date: out/minimal-debian-12 (0.2 s)");
    }
}
