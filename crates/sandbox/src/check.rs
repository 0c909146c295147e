//! The job that does nothing: whether this machine allows a sandbox.

use std::path::Path;

use kindling_base::Result;

use crate::helper::perform;
use crate::job::Job;

/// The job behind [`check`].
pub const CHECK: Job = Job {
    name: "check",
    perform: |_, _| Ok(()),
};

/// Makes a sandbox and ends it. `helper` is an executable whose `main` calls
/// [`main_if_reexecuted`](crate::main_if_reexecuted) with [`CHECK`]; `log` gets its complaints.
///
/// # Errors
/// The machine forbids the namespaces, or an ordinary user has no subordinate ids.
pub fn check(helper: &Path, log: &Path) -> Result<()> {
    perform(helper, log, CHECK, &[], |_| {})
}
