//! `kindling bench`: boots, resumes and clones VMs again and again and writes down when they got where.
//!
//! Each run is the whole command, a process of our own binary, as a person would start it. The supervisor notes times on
//! the host's monotonic clock ([`kindling_launcher::timeline`]), the guest's own times are placed on it by asking its agent
//! ([`guest`]); what becomes of the figures is the business of `kindling-bench`. `docs/benchmarks.md` has the method.
//!
//! **Nothing is left running**: whatever ends a benchmark, every VM and snapshot that it made is removed.

mod child;
mod footprint;
mod guest;
mod http;
mod job;
mod machine;
mod measure;
mod rounds;
mod session;
mod subject;
#[cfg(test)]
mod tests;
mod until;

use std::path::PathBuf;

use kindling_base::{Error, Result};
use kindling_bench::Report;

pub use session::Session;
pub use until::Until;

use job::Job;

/// What all benchmarks have in common.
#[derive(Clone, Debug)]
pub struct Options {
    /// Rounds that count.
    pub runs: u32,
    /// Rounds before them that do not: they fill the page cache and let the processor find its speed.
    pub warmup: u32,
    /// A port of the guest that has to answer.
    pub until: Option<Until>,
    /// Seconds that one VM may take until it is ready and answers.
    pub timeout_s: u32,
    /// Where bundles are.
    pub out: Option<PathBuf>,
    /// More options of `kindling run`.
    pub run: Vec<String>,
    /// Boot once more with `initcall_debug`, to see the kernel's own steps.
    pub profile: bool,
    /// The command line, to be told in the report.
    pub command: String,
}

/// What is resumed or cloned.
#[derive(Clone, Debug)]
pub struct Saved {
    /// The name of a snapshot or of a VM that is ready, or a bundle.
    pub name: String,
    /// Boot its bundle as well, in turns: a bundle always is.
    pub against_boot: bool,
}

/// Boots `bundle` again and again.
///
/// # Errors
/// A VM cannot be started or is not ready in time, or a signal ended the benchmark.
pub async fn boot(session: &Session<'_>, options: &Options, bundle: &str) -> Result<Report> {
    session
        .run(options, async |bench| {
            let jobs = [Job::boot(format!("cold boot of {}", short(bundle)), bundle)];
            let mut subjects = rounds::interleave(bench, &jobs).await?;
            if options.profile {
                subject::add_initcalls(bench, &jobs[0], &mut subjects[0]).await?;
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
            let source = job::source(bench, saved).await?;
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
            let source = job::source(bench, saved).await?;
            rounds::interleave(bench, &[source.resume.clones(count)]).await
        })
        .await
}

/// One side of a comparison.
#[derive(Clone, Debug)]
pub struct Side {
    /// The bundle.
    pub bundle: String,
    /// More options of `kindling run`, for this side only.
    pub run: Vec<String>,
}

/// Boots two bundles in turns, or one with different options.
///
/// # Errors
/// As [`boot`].
pub async fn compare(session: &Session<'_>, options: &Options, sides: [Side; 2]) -> Result<Report> {
    session
        .run(options, async |bench| {
            let jobs = labels(&sides).into_iter().zip(&sides).map(|(label, side)| {
                let mut job = Job::boot(label, &side.bundle);
                job.run.clone_from(&side.run);
                job
            });
            rounds::interleave(bench, &jobs.collect::<Vec<_>>()).await
        })
        .await
}

/// A report of the first subject of each of two saved ones.
///
/// # Errors
/// One has none.
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

/// What two sides are called: by what they differ in.
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
