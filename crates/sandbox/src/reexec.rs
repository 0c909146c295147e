//! The start of an executable that may be a part of the helper.

use crate::job::Job;
use crate::stage::STAGE;
use crate::{enter, inner, outer};

/// Does the helper's work and exits if this process was started as one; otherwise returns at once.
///
/// Every executable that names itself as a helper calls this first, before it starts a thread, with the jobs that its
/// helpers can do.
pub fn main_if_reexecuted(jobs: &[Job]) {
    let Some(stage) = std::env::var_os(STAGE) else {
        return;
    };
    let code = match stage.to_str() {
        Some("outer") => outer::run(),
        Some("inner") => inner::run(jobs),
        Some("enter") => enter::run(),
        _ => 2,
    };
    std::process::exit(code);
}
