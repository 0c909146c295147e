//! One JSON object a line, for other programs.

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use kindling_base::{Error, Event, Reporter};
use serde_json::{Value, json};

use super::ledger::{Ledger, Row, word};
use super::thin::Thin;
use super::{Renderer, Summary, words};

/// A stage's progress is written at most this often: smooth enough to draw a bar from.
const PAUSE: Duration = Duration::from_millis(500);

/// Writes `{"event": ...}` lines.
pub(super) struct Json<W> {
    state: Mutex<State<W>>,
}

struct State<W> {
    out: W,
    thin: Thin,
    ledger: Ledger,
}

impl<W: Write + Send> Json<W> {
    pub(super) fn new(out: W) -> Self {
        let (thin, ledger) = (Thin::new(PAUSE, 0), Ledger::new());
        let state = Mutex::new(State { out, thin, ledger });
        Self { state }
    }

    fn with(&self, act: impl FnOnce(&mut State<W>)) {
        act(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl<W: Write + Send> Reporter for Json<W> {
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
            words::print(&mut state.out, &object(&event).to_string());
        });
    }
}

impl<W: Write + Send> Renderer for Json<W> {
    fn finish(&self, summary: Summary<'_>) {
        self.with(|state| {
            let stages: Vec<Value> = state.ledger.take().iter().map(stage).collect();
            let step = |(stage, elapsed): &(&str, Duration)| {
                json!({"stage": stage, "elapsed_s": seconds(*elapsed)})
            };
            let path: Vec<Value> = summary.critical_path.iter().map(step).collect();
            let object = json!({
                "event": "done",
                "folder": summary.folder.to_string_lossy(),
                "outcome": word(summary.outcome),
                "elapsed_s": seconds(state.ledger.elapsed()),
                "stages": stages,
                "critical_path": path,
            });
            words::print(&mut state.out, &object.to_string());
        });
    }

    fn error(&self, error: &Error) {
        let mut causes = Vec::new();
        let mut cause = std::error::Error::source(error);
        while let Some(error) = cause {
            causes.push(error.to_string());
            cause = error.source();
        }
        let object = json!({
            "event": "error",
            "message": error.to_string(),
            "causes": causes,
            "notes": error.notes(),
            "hint": error.advice(),
            "exit_code": error.exit() as u8,
        });
        self.with(|state| words::print(&mut state.out, &object.to_string()));
    }
}

fn object(event: &Event) -> Value {
    match event {
        Event::Started { stage, detail } => {
            json!({"event": "started", "stage": stage, "detail": detail})
        }
        Event::Progress {
            stage,
            unit,
            done,
            total,
        } => {
            json!({"event": "progress", "stage": stage, "unit": unit.noun(), "done": done, "total": total})
        }
        &Event::Finished {
            stage,
            outcome,
            elapsed,
            bytes,
        } => {
            let mut object = self::stage(&Row {
                stage,
                outcome,
                elapsed,
                bytes,
            });
            object["event"] = "finished".into();
            object
        }
        Event::Note(text) => json!({"event": "note", "message": text}),
        Event::Warning(text) => json!({"event": "warning", "message": text}),
    }
}

fn stage(row: &Row) -> Value {
    json!({
        "stage": row.stage,
        "outcome": word(row.outcome),
        "elapsed_s": seconds(row.elapsed),
        "bytes": row.bytes,
    })
}

/// Seconds to the millisecond.
fn seconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_base::{Outcome, Unit};
    use std::path::Path;

    #[test]
    fn every_line_is_an_object() {
        let mut out = Vec::new();
        let json = Json::new(&mut out);
        let (stage, unit, outcome) = ("kernel", Unit::Objects, Outcome::Built);
        json.report(Event::Started {
            stage,
            detail: "compiling \"Linux\"".to_owned(),
        });
        json.report(Event::Progress {
            stage,
            unit,
            done: 1,
            total: None,
        }); // too soon
        json.report(Event::Finished {
            stage,
            outcome,
            elapsed: Duration::from_millis(1234),
            bytes: 5,
        });
        json.report(Event::Warning("w\n".to_owned()));
        json.note("n");
        json.error(
            &Error::user("m")
                .because(std::fmt::Error)
                .note("a")
                .hint("h"),
        );
        drop(json);
        insta::assert_snapshot!(String::from_utf8(out).unwrap(), @r#"
        {"detail":"compiling \"Linux\"","event":"started","stage":"kernel"}
        {"bytes":5,"elapsed_s":1.234,"event":"finished","outcome":"built","stage":"kernel"}
        {"event":"warning","message":"w\n"}
        {"event":"note","message":"n"}
        {"causes":["an error occurred when formatting an argument"],"event":"error","exit_code":2,"hint":"h","message":"m","notes":["a"]}
        "#);
    }

    #[test]
    fn progress_keeps_its_numbers() {
        let event = Event::Progress {
            stage: "rootfs",
            unit: Unit::Blocks,
            done: 1,
            total: Some(2),
        };
        insta::assert_snapshot!(object(&event).to_string(), @r#"{"done":1,"event":"progress","stage":"rootfs","total":2,"unit":"blocks"}"#);
    }

    #[test]
    fn the_end_repeats_the_stages() {
        let mut out = Vec::new();
        let json = Json::new(&mut out);
        let (elapsed, outcome) = (Duration::ZERO, Outcome::Cached);
        json.report(Event::Finished {
            stage: "kernel",
            outcome,
            elapsed,
            bytes: 5,
        });
        json.finish(Summary {
            folder: Path::new("out/x"),
            outcome,
            critical_path: &[("kernel", Duration::from_secs(2))],
        });
        drop(json);
        let text = String::from_utf8(out).unwrap();
        let mut done: Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        assert!(done["elapsed_s"].take().as_f64().unwrap() < 60.0);
        insta::assert_snapshot!(done.to_string(), @r#"{"critical_path":[{"elapsed_s":2.0,"stage":"kernel"}],"elapsed_s":null,"event":"done","folder":"out/x","outcome":"cached","stages":[{"bytes":5,"elapsed_s":0.0,"outcome":"cached","stage":"kernel"}]}"#);
    }
}
