//! The browser's process.

use std::os::fd::OwnedFd;
use std::process::{Child, Stdio};

use rustix::process::{Pid, PidfdFlags, pidfd_open};

/// Starts it with the flags that it needs here; of the overlay `browser`.
const PROGRAM: &str = "/usr/bin/chrome-wrapper";

/// A browser that was told to open a page. Where one runs already, it hands the page over and ends at once.
pub(crate) struct Browser {
    child: Child,
    /// Readable when it has ended.
    pub(crate) ended: OwnedFd,
}

/// Starts the browser with an address, which is checked, in the environment of the session that we are a unit of.
///
/// # Errors
/// It does not start; in words for a person.
pub(crate) fn start(url: &str) -> Result<Browser, String> {
    #[expect(
        clippy::disallowed_methods,
        reason = "it lives on in the session, in the session's environment, and logs to the journal"
    )]
    let child = std::process::Command::new(PROGRAM)
        .arg(url)
        .stdin(Stdio::null())
        .spawn()
        .map_err(|error| format!("cannot start {PROGRAM}: {error}"))?;
    let ended = pidfd_open(Pid::from_child(&child), PidfdFlags::empty())
        .map_err(|error| format!("cannot watch {PROGRAM}: {error}"))?;
    Ok(Browser { child, ended })
}

impl Browser {
    /// The browser's failure, after which no window comes; `None` while it runs or when it has handed the page over.
    pub(crate) fn failure(&mut self) -> Option<String> {
        let status = self.child.try_wait().ok().flatten()?;
        let failed = !status.success();
        failed.then(|| {
            format!("the browser ended: {status}; `journalctl -u kindling-open` has what it said")
        })
    }

    /// Waits for its end in the background, so that no zombie is left.
    pub(crate) fn leave(mut self) {
        std::thread::spawn(move || self.child.wait());
    }
}
