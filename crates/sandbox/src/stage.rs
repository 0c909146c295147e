//! The variable that tells the executable which part of the helper it is.

use kindling_base::Command;

/// Its name.
pub(crate) const STAGE: &str = "KINDLING_SANDBOX";

/// A command that starts this executable again as a later part of the helper.
pub(crate) fn this_executable(stage: &str) -> Command {
    Command::new("/proc/self/exe").env(STAGE, stage)
}
