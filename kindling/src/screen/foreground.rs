//! A VM in the foreground on the screen: its console on standard output, its events on standard error.

use std::io::Write;
use std::sync::PoisonError;

use kindling_launcher::{Report, StopStep, Vm};
use serde_json::json;

use super::Screen;
use super::console::Piece;
use super::rows::row;
use super::words::{ending, readiness};

impl Screen {
    /// A VM is about to start in the foreground.
    pub(crate) fn starting(&self, vm: &Vm) {
        if self.json {
            self.event("starting", row(vm));
        } else {
            eprintln!(
                "kindling: starting `{}` (console log: {})",
                vm.spec.name,
                vm.folder.join(kindling_launcher::CONSOLE_LOG).display()
            );
        }
    }

    /// Shows an event of a VM in the foreground; `false` when nobody reads its console.
    pub(crate) fn report(&self, report: &Report<'_>) -> bool {
        if self.json {
            return self.report_json(report);
        }
        let mut console = self.console.lock().unwrap_or_else(PoisonError::into_inner);
        let own = |text: String| format!("kindling: {text}");
        let pieces = match report {
            Report::Console(bytes) => console.guest(bytes),
            Report::Ready(vm) => console.after(own(readiness(&vm.status))),
            Report::Stopping(step) => console.now(own(stopping(*step).to_owned())),
            Report::Ended(vm) => console.now(own(ending(&vm.status))),
        };
        let mut is_read = true;
        for piece in pieces {
            match piece {
                Piece::Guest(bytes) => is_read &= show(bytes),
                Piece::Own(line) => eprintln!("{line}"),
            }
        }
        is_read
    }

    fn report_json(&self, report: &Report<'_>) -> bool {
        match report {
            Report::Console(bytes) => return show(bytes),
            Report::Ready(vm) => self.event("ready", row(vm)),
            Report::Stopping(step) => self.event("stopping", json!({"by": step})),
            Report::Ended(vm) => self.event("ended", row(vm)),
        }
        true
    }
}

/// Passes a guest's output on; `false` when nobody reads it.
fn show(bytes: &[u8]) -> bool {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).is_ok()
}

fn stopping(step: StopStep) -> &'static str {
    match step {
        StopStep::Agent | StopStep::PowerButton => {
            "asking the guest to power off; Ctrl-C ends it at once"
        }
        StopStep::Quit => "ending the machine",
        StopStep::Kill => "killing the machine",
    }
}
