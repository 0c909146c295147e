//! Jobs: functions of an executable that run in the sandbox.

use kindling_base::Result;

/// Tells the builder how much of the job is done, in units of the job's own.
pub type Progress<'a> = dyn Fn(u64) + Sync + 'a;

/// A function that an executable offers to run as process 1 of the sandbox.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// The name under which the builder asks for it.
    pub name: &'static str,
    /// Does the job; its input is what the builder sent.
    pub perform: fn(input: &[u8], progress: &Progress<'_>) -> Result<()>,
}
