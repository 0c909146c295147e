//! Benchmarks of VMs: boots, resumes and clones them again and again and writes down when they reached each milestone.
//!
//! Each run is the whole command, a process of our own binary, as a person would start it. The supervisor notes times on
//! the host's monotonic clock ([`kindling_launcher::timeline`]); the guest's own times are placed on it by asking its agent
//! ([`guest`]). `kindling-bench` turns the figures into reports. `docs/benchmarks.md` has the method.
//!
//! **Nothing is left running**: whatever ends a benchmark, every VM and snapshot that it made is removed.

mod artifacts;
mod child;
mod footprint;
mod guest;
mod http;
mod initcalls;
mod job;
mod machine;
mod measure;
mod options;
mod rounds;
mod session;
mod source;
mod subject;
#[cfg(test)]
mod tests;
mod until;

use kindling_base::{Error, Result};
use kindling_bench::Report;

pub use options::{BootOptions, Options, Saved, Side};
pub use session::Session;
pub use until::Until;

use job::Job;

/// Boots `bundle` again and again.
///
/// # Errors
/// A VM cannot be started or is not ready in time, or a signal ended the benchmark.
pub async fn boot(session: &Session<'_>, options: &Options, bundle: &str) -> Result<Report> {
    session
        .run(options, async |bench| {
            let label = format!("cold boot of {}", short(bundle));
            let jobs = [Job::boot(bench, label, bundle, &[])?];
            let mut subjects = rounds::interleave(bench, &jobs).await?;
            if options.profile {
                initcalls::add(bench, &jobs[0], &mut subjects[0]).await?;
            }
            Ok(subjects)
        })
        .await
}

/// Resumes `saved` again and again; where asked for, in turns with boots of its bundle.
///
/// # Errors
/// As [`boot`]; or there is nothing of that name.
pub async fn resume(session: &Session<'_>, options: &Options, saved: &Saved) -> Result<Report> {
    session
        .run(options, async |bench| {
            let source = source::find(bench, saved).await?;
            let mut jobs = Vec::new();
            if let Some(boot) = source.boot {
                jobs.push(boot);
            }
            jobs.push(source.resume);
            rounds::interleave(bench, &jobs).await
        })
        .await
}

/// Resumes `count` VMs from `saved` by one command, again and again.
///
/// # Errors
/// As [`resume`].
pub async fn clone(
    session: &Session<'_>,
    options: &Options,
    saved: &Saved,
    count: u32,
) -> Result<Report> {
    session
        .run(options, async |bench| {
            let source = source::find(bench, saved).await?;
            rounds::interleave(bench, &[source.resume.clones(count)]).await
        })
        .await
}

/// Boots two bundles in turns, or one with different options.
///
/// # Errors
/// As [`boot`].
pub async fn compare(session: &Session<'_>, options: &Options, sides: [Side; 2]) -> Result<Report> {
    session
        .run(options, async |bench| {
            let jobs = labels(&sides)
                .into_iter()
                .zip(&sides)
                .map(|(label, side)| Job::boot(bench, label, &side.bundle, &side.run));
            rounds::interleave(bench, &jobs.collect::<Result<Vec<_>>>()?).await
        })
        .await
}

/// Joins two saved reports into one that compares their last subjects.
///
/// # Errors
/// One of them has no subject.
pub fn join(first: Report, second: Report) -> Result<Report> {
    let mut subjects = Vec::new();
    for (mut report, letter) in [(first.clone(), 'A'), (second, 'B')] {
        // A resume is saved with the boot that it was held against before it.
        let Some(mut subject) = report.subjects.pop() else {
            return Err(Error::user("a saved report has no runs").hint("measure again"));
        };
        subject.label = format!("{letter}: {}", subject.label);
        subjects.push(subject);
    }
    Ok(Report { subjects, ..first })
}

/// The labels of two sides: what they differ in.
fn labels([first, second]: &[Side; 2]) -> [String; 2] {
    let same = first.bundle == second.bundle || short(&first.bundle) == short(&second.bundle);
    let label = |side: &Side, letter: char| {
        let options = side.run.join(" ");
        match (same, options.is_empty()) {
            (false, true) => short(&side.bundle).to_owned(),
            (false, false) => format!("{} {options}", short(&side.bundle)),
            (true, true) => format!("{letter}: {}", short(&side.bundle)),
            (true, false) => format!("{letter}: {} {options}", short(&side.bundle)),
        }
    };
    [label(first, 'A'), label(second, 'B')]
}

/// A bundle's name: its last part, where it is a path.
fn short(bundle: &str) -> &str {
    let trimmed = bundle.trim_end_matches('/');
    trimmed.rsplit('/').next().unwrap_or(trimmed)
}
