//! All that the binary prints: data on standard output, everything else on standard error.
#![expect(clippy::print_stderr, reason = "this file is where the binary prints")]

mod bench;
mod console;
mod doctor;
mod foreground;
mod gc;
mod rows;
mod snapshots;
mod words;

use std::io::Write;
use std::sync::Mutex;

use kindling_base::{Context, Error, Event, Failure, Reporter, Result};
use kindling_launcher::network::Verdict;
use kindling_launcher::{Left, Listing, Stopped, Vm};
use serde::Serialize;
use serde_json::{Value, json};

use self::console::Console;
use self::rows::{cells, columns, row};
use self::words::{ending, readiness};

/// The screen: the form of the output, and the terminal's last line.
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

/// Prints a line of data. A reader who has gone away is not an error.
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
