//! All that the binary prints: data on standard output, everything else on standard error.
#![expect(clippy::print_stderr, reason = "this file is where the binary prints")]

mod bench;
mod console;
mod doctor;
mod foreground;
mod gc;
mod snapshots;

use std::io::Write;
use std::sync::Mutex;
use std::time::Duration;

use kindling_base::{Context, Error, Event, Failure, Reporter, Result};
use kindling_launcher::network::Verdict;
use kindling_launcher::{Ending, Left, Listing, Status, StopStep, Stopped, Vm};
use serde::Serialize;
use serde_json::{Value, json};

use self::console::Console;

/// Where output goes, and in which form.
#[derive(Debug)]
pub(crate) struct Screen {
    json: bool,
    console: Mutex<Console>,
}

impl Screen {
    pub(crate) fn new(json: bool) -> Self {
        Self {
            json,
            console: Mutex::default(),
        }
    }

    pub(crate) fn error(&self, error: &Error) {
        if self.json {
            let failure = serde_json::to_value(Failure::from(error));
            let mut told = failure.unwrap_or_else(|_| json!({})); // of plain fields: it serialises
            told["report"] = error.report().into();
            self.event("error", told);
        } else {
            eprintln!("{}", error.report());
        }
    }

    /// A detached VM is ready.
    pub(crate) fn detached(&self, vm: &Vm) -> Result<()> {
        if self.json {
            return print(&row(vm).to_string());
        }
        eprintln!("kindling: {}", readiness(&vm.status));
        print(&vm.spec.name)
    }

    pub(crate) fn stopped(&self, name: &str, stopped: &Stopped) -> Result<()> {
        match stopped {
            Stopped::Now(vm) | Stopped::Before(vm) if self.json => print(&row(vm).to_string()),
            Stopped::Removed if self.json => self.removed(name),
            Stopped::Now(vm) => print(&format!("{name}: {}", ending(&vm.status))),
            Stopped::Before(vm) => {
                print(&format!("{name} was not running: {}", ending(&vm.status)))
            }
            Stopped::Removed => print(&format!("{name}: stopped and removed")),
        }
    }

    /// The console is connected.
    pub(crate) fn connected(&self, name: &str) {
        if self.json {
            self.event("connected", json!({"name": name}));
        } else {
            eprintln!("kindling: the console of `{name}`; Ctrl-] leaves, Enter shows a prompt");
        }
    }

    /// The console was left.
    pub(crate) fn left(&self, name: &str, left: Left) {
        if self.json {
            self.event("left", json!({"name": name, "ended": left == Left::Ended}));
        } else if left == Left::Ended {
            eprintln!("\nkindling: `{name}` has ended");
        } else {
            eprintln!("\nkindling: left `{name}`, which goes on");
        }
    }

    pub(crate) fn removed(&self, name: &str) -> Result<()> {
        if self.json {
            return print(&json!({"name": name, "state": "removed"}).to_string());
        }
        print(&format!("{name}: removed"))
    }

    pub(crate) fn list(&self, listing: &Listing) -> Result<()> {
        for (folder, error) in &listing.broken {
            eprintln!("warning: {} describes no VM: {error}", folder.display());
        }
        if self.json {
            let rows: Vec<Value> = listing.vms.iter().map(row).collect();
            return print(&Value::from(rows).to_string());
        }
        let mut table = vec![
            [
                "NAME",
                "BUNDLE",
                "STATE",
                "PID",
                "UPTIME",
                "READY IN",
                "REACHED AT",
            ]
            .map(str::to_owned),
        ];
        table.extend(listing.vms.iter().map(cells));
        print(&columns(&table))
    }

    pub(crate) fn verdict(&self, name: &str, port: u16, verdict: Verdict) -> Result<()> {
        if self.json {
            return print(&to_json(&verdict)?);
        }
        print(&format!("{name}: port {port}: {verdict}"))
    }

    fn event(&self, name: &str, mut value: Value) {
        value["event"] = name.into();
        eprintln!("{value}");
    }
}

impl Reporter for Screen {
    fn report(&self, event: Event) {
        let (kind, text) = match event {
            Event::Note(text) => ("note", text),
            Event::Warning(text) => ("warning", text),
            Event::Started { detail, .. } => ("note", detail),
            Event::Progress { .. } | Event::Finished { .. } => return,
        };
        match (self.json, kind) {
            (true, kind) => self.event(kind, json!({"text": text})),
            (false, "warning") => eprintln!("warning: {text}"),
            (false, _) => eprintln!("kindling: {text}"),
        }
    }
}

/// Prints a line of data; a reader who has gone away is no error of ours.
fn print(text: &str) -> Result<()> {
    match writeln!(std::io::stdout().lock(), "{text}") {
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => Ok(()),
        written => written.context("cannot write to standard output"),
    }
}

fn to_json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value)
        .map_err(|error| Error::internal("cannot write JSON").because(error))
}

/// A VM as `--json` shows it.
fn row(vm: &Vm) -> Value {
    let status = &vm.status;
    json!({
        "name": vm.spec.name,
        "bundle": vm.spec.bundle.name,
        "bundle_folder": vm.spec.bundle.folder,
        "folder": vm.folder,
        "state": status.state,
        "vmm": vm.spec.vmm,
        "accelerator": vm.spec.accelerator,
        "pid": status.vmm_pid,
        "supervisor_pid": status.supervisor_pid,
        "uptime_ms": status.uptime().map(|d| d.as_millis() as u64),
        "first_output_after_ms": status.first_output_after_ms,
        "ready_after_ms": status.ready_after_ms,
        "created_at_ms": status.created_at_ms,
        "ended_at_ms": status.ended_at_ms,
        "ending": status.ending,
        "network": vm.spec.network.as_ref(),
    })
}

fn cells(vm: &Vm) -> [String; 7] {
    let none = || "-".to_owned();
    let network = vm.spec.network.as_ref();
    let publish = network.into_iter().flat_map(|n| n.publish());
    let publish = publish.map(|p| format!("{}:{}->{}", p.address, p.host, p.guest));
    let address = network.and_then(|n| n.address()).map(|a| a.to_string());
    let reached: Vec<String> = address.into_iter().chain(publish).collect();
    [
        vm.spec.name.clone(),
        vm.spec.bundle.name.clone(),
        vm.status.state.name().to_owned(),
        vm.status.vmm_pid.map_or_else(none, |pid| pid.to_string()),
        vm.status.uptime().map_or_else(none, coarse),
        vm.status.ready_after().map_or_else(none, seconds),
        if reached.is_empty() {
            none()
        } else {
            reached.join(",")
        },
    ]
}

/// Left-aligned columns, two spaces between them.
fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let padded = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

fn readiness(status: &Status) -> String {
    let first = status.first_output_after_ms.map(Duration::from_millis);
    match (status.ready_after(), first) {
        (Some(ready), None) => format!("ready in {}", seconds(ready)), // resumed: it says nothing again
        (Some(ready), Some(first)) => {
            format!(
                "ready in {} (first output after {})",
                seconds(ready),
                seconds(first)
            )
        }
        _ => "not ready yet".to_owned(),
    }
}

fn ending(status: &Status) -> String {
    match &status.ending {
        None => status.state.name().to_owned(),
        Some(Ending::PoweredOff) => "the guest powered off".to_owned(),
        Some(Ending::Reset) => "the guest reset".to_owned(),
        Some(Ending::Stopped { by, took_ms }) => {
            let how = match by {
                StopStep::Agent => "the guest powered off when its agent was asked",
                StopStep::PowerButton => "the guest powered off when asked",
                StopStep::Quit => "the guest did not power off, its machine was ended",
                StopStep::Kill => "its machine was killed",
            };
            format!(
                "stopped in {}: {how}",
                seconds(Duration::from_millis(*took_ms))
            )
        }
        Some(Ending::Panicked { line }) => format!("the guest gave up: {line}"),
        Some(Ending::NeverReady) => "the guest was not ready in time".to_owned(),
        Some(Ending::VmmExited { program, status }) => format!("{program} ended: {status}"),
        Some(Ending::NotStarted { .. }) => "the machine did not start".to_owned(),
    }
}

/// `6.2 s`, with two decimals below a second.
fn seconds(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    if seconds < 1.0 {
        format!("{seconds:.2} s")
    } else {
        format!("{seconds:.1} s")
    }
}

/// `42 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`.
fn coarse(duration: Duration) -> String {
    let s = duration.as_secs();
    match s {
        0..60 => format!("{s} s"),
        60..3600 => format!("{} min {} s", s / 60, s % 60),
        3600..86400 => format!("{} h {} min", s / 3600, s / 60 % 60),
        _ => format!("{} d {} h", s / 86400, s / 3600 % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_short() {
        let at = |s| coarse(Duration::from_secs(s));
        assert_eq!(
            [at(59), at(185), at(7800), at(273_600)],
            ["59 s", "3 min 5 s", "2 h 10 min", "3 d 4 h"]
        );
        assert_eq!(seconds(Duration::from_millis(6234)), "6.2 s");
        assert_eq!(seconds(Duration::from_millis(94)), "0.09 s");
    }

    #[test]
    fn columns_line_up() {
        let rows = [["a", "b"], ["long", "x"]].map(|row| row.map(str::to_owned));
        assert_eq!(columns(&rows), "a     b\nlong  x");
    }
}
