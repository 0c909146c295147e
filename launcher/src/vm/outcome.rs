//! The error for a VM that did not do what was asked of it.

use std::path::Path;

use kindling_base::{Error, Result};

use super::files::{CONSOLE_LOG, VMM_LOG};
use super::status::{Ending, State, Status};
use crate::console;

impl Status {
    /// Fails unless the machine of the VM in `folder` runs, or has ended well after it was ready. `timeout_s` is the VM's
    /// limit.
    ///
    /// # Errors
    /// The error says how the machine ended, with the end of its console.
    pub fn check(&self, name: &str, folder: &Path, timeout_s: u32) -> Result<()> {
        let error = match (&self.ending, self.state) {
            (_, State::Dead) => Error::internal(format!("the supervisor of `{name}` died"))
                .note(format!("log: {}", folder.join(VMM_LOG).display())),
            (None, _) => return Ok(()),
            (Some(Ending::PoweredOff | Ending::Reset | Ending::Stopped { .. }), _)
                if self.ready_after_ms.is_some() =>
            {
                return Ok(());
            }
            (Some(Ending::PoweredOff), _) => Error::external(format!(
                "the guest of `{name}` powered off before it was ready"
            )),
            (Some(Ending::Reset), _) => {
                Error::external(format!("the guest of `{name}` reset before it was ready"))
            }
            (Some(Ending::Stopped { .. }), _) => {
                return Err(Error::external(format!(
                    "`{name}` was stopped before it was ready"
                )));
            }
            (Some(Ending::Panicked { line }), _) => {
                Error::external(format!("the guest of `{name}` gave up: {line}"))
            }
            (Some(Ending::NeverReady), _) => Error::external(format!(
                "`{name}` was not ready within {timeout_s} s"
            ))
            .hint("give it longer with --timeout SECONDS, or see what it waits for in its log"),
            (Some(Ending::VmmExited { program, status }), _) => vmm_log(
                Error::external(format!("{program} ended while it ran `{name}`: {status}")),
                program,
                folder,
            ),
            (Some(Ending::NotStarted { failure }), _) => {
                let cause = Error::from(failure.clone());
                return Err(cause.within(format!("cannot start `{name}`")));
            }
        };
        Err(with_console(error, folder))
    }
}

fn with_console(error: Error, folder: &Path) -> Error {
    let log = folder.join(CONSOLE_LOG);
    let tail = console::tail(&log);
    let error = if tail.is_empty() {
        error.note("the console is empty")
    } else {
        error.note(format!("the console's last lines:\n{tail}"))
    };
    error.note(format!("whole console: {}", log.display()))
}

fn vmm_log(error: Error, program: &str, folder: &Path) -> Error {
    match console::tail(&folder.join(VMM_LOG)) {
        tail if tail.is_empty() => error,
        tail => error.note(format!("{program} said:\n{tail}")),
    }
}
