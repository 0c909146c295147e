//! `kindling bench`: runs a benchmark and writes its report where the command line says.

use std::path::Path;

use clap::ArgMatches;
use kindling_base::{Error, Result, files};
use kindling_bench::{Comparison, Report, Verdict, page, table};
use kindling_vm_bench::{Saved, Session};

use crate::args::bench::{BenchCommand, Files, side};
use crate::screen::Screen;

/// Runs a benchmark and shows its report. `given` is the command line as it was read.
///
/// # Errors
/// The benchmark failed, a file cannot be written, or a comparison found a regression.
pub(crate) async fn run(
    command: BenchCommand,
    given: &ArgMatches,
    session: &Session<'_>,
    screen: &Screen,
) -> Result<()> {
    match command {
        BenchCommand::Boot {
            bundle,
            initcalls,
            common,
        } => {
            let options = common.options(given, initcalls)?;
            let files = common.files()?;
            let report = kindling_vm_bench::boot(session, &options, &bundle).await?;
            show(screen, &report, files, 0.0)
        }
        BenchCommand::Resume {
            saved: name,
            against_boot,
            common,
        } => {
            let options = common.options(given, false)?;
            let files = common.files()?;
            let saved = Saved { name, against_boot };
            let report = kindling_vm_bench::resume(session, &options, &saved).await?;
            show(screen, &report, files, 0.0)
        }
        BenchCommand::Clone {
            saved: name,
            count,
            common,
        } => {
            let options = common.options(given, false)?;
            let files = common.files()?;
            let saved = Saved {
                name,
                against_boot: false,
            };
            let report = kindling_vm_bench::clone(session, &options, &saved, count).await?;
            show(screen, &report, files, 0.0)
        }
        BenchCommand::Compare {
            a,
            b,
            run_a,
            run_b,
            tolerance,
            report_only,
            common,
        } => {
            let tolerance = f64::from(tolerance) / 100.0;
            let options = common.options(given, false)?;
            let files = common.files()?;
            let report = match [&a, &b].map(|path| is_report(path)) {
                [true, true] => joined(&a, &b, screen)?,
                [false, false] => {
                    let sides = [side(a, &run_a)?, side(b, &run_b)?];
                    kindling_vm_bench::compare(session, &options, sides).await?
                }
                _ => {
                    return Err(
                        Error::user("a bundle cannot be compared with a saved report")
                            .hint("name two bundles, or two files that --save wrote"),
                    );
                }
            };
            show(screen, &report, files, tolerance)?;
            judge(&report, tolerance, report_only)
        }
    }
}

/// Whether an argument of `compare` is a saved report: a file, where a bundle is a folder or a name.
fn is_report(argument: &str) -> bool {
    Path::new(argument).is_file()
}

fn joined(a: &str, b: &str, screen: &Screen) -> Result<Report> {
    let (first, second) = (Report::load(Path::new(a))?, Report::load(Path::new(b))?);
    for (field, one, other) in first.machine.differences(&second.machine) {
        screen.warn(&format!(
            "the reports are of different machines: {field} is `{one}` and `{other}`"
        ));
    }
    kindling_vm_bench::join(first, second)
}

/// Fails where the second subject is slower than the first.
fn judge(report: &Report, tolerance: f64, report_only: bool) -> Result<()> {
    let [first, second] = report.subjects.as_slice() else {
        return Ok(());
    };
    let found = Comparison::of(first, second, tolerance).ok_or_else(|| {
        Error::external(format!(
            "{} and {} have no milestone in common",
            first.label, second.label
        ))
    })?;
    if found.verdict != Verdict::Slower || report_only {
        return Ok(());
    }
    Err(Error::external(format!(
        "regression: {}",
        found.sentence(&first.label, &second.label)
    ))
    .hint("--tolerance PERCENT allows some; --report-only never fails because of figures"))
}

fn show(screen: &Screen, report: &Report, to: Files, tolerance: f64) -> Result<()> {
    let json = report.to_json()?;
    let markdown = table(report, tolerance)?;
    let mut written = Vec::new();
    let mut put = |path: Option<&Path>, bytes: &[u8]| {
        let Some(path) = path else {
            return Ok(());
        };
        written.push(path.to_owned());
        files::write_atomic(path, bytes, 0o644)
    };
    put(to.save.as_deref(), &json)?;
    put(to.markdown.as_deref(), markdown.as_bytes())?;
    if let Some(path) = &to.html {
        put(Some(path), page(report, tolerance)?.as_bytes())?;
    }
    screen.bench(
        report,
        to.markdown.is_none().then_some(markdown.as_str()),
        &written,
    )
}
