//! The kernel's own steps of a boot.

use kindling_base::Result;
use kindling_bench::{Profile, Subject};
use kindling_launcher::remove;

use super::job::Job;
use super::session::Bench;
use super::{guest, measure};

/// Kernel arguments that make the kernel log each of its steps: two lines for each of some thousand have to fit.
const ARGUMENTS: &str = "initcall_debug log_buf_len=2M";

/// Boots the job's bundle once more with `initcall_debug` and adds the kernel's own steps to the subject's profile.
///
/// # Errors
/// The VM is not ready in time, or its agent does not answer.
pub(super) async fn add(bench: &Bench<'_>, job: &Job, subject: &mut Subject) -> Result<()> {
    let state = bench.session.state;
    let own = ["--append", ARGUMENTS].map(str::to_owned);
    let profiled = Job::boot(bench, job.label.clone(), &job.target, &own)?;
    bench.note("one more boot, to see the kernel's own steps".to_owned());
    let started = measure::start(bench, &profiled).await?;
    let name = started.only()?;
    if state.find(name)?.spec.agent {
        let log = guest::kernel_log(state, name).await?;
        let profile = subject.profile.get_or_insert_with(Profile::default);
        guest::add_initcalls(profile, &log);
    } else {
        bench.warn("the image has no agent to read the kernel's log with".to_owned());
    }
    remove(state, name, true).await
}
