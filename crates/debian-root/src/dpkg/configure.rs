//! Runs maintainer scripts: pre-installation scripts one by one, the rest through dpkg.

use std::collections::HashSet;
use std::io::{BufRead, BufReader, PipeReader};
use std::os::fd::AsRawFd;
use std::path::Path;

use super::database;
use super::programs::Programs;
use crate::root::Root;
use kindling_base::{Context, Error, Result, files};
use kindling_deb::Control;

/// The folder in which dpkg keeps a package's control files while its pre-installation script runs.
const SCRIPTS: &str = "/var/lib/dpkg/tmp.ci";

/// Runs a package's pre-installation script, if it has one, as dpkg does for a package that was never installed.
///
/// # Errors
/// The script failed; the error names the package.
pub(crate) fn preinst(
    programs: &Programs,
    root: &Root,
    control: &Control,
    dpkg: &str,
) -> Result<()> {
    if control.file("preinst").is_none() {
        return Ok(());
    }
    root.enter(|| database::write_scripts(Path::new(SCRIPTS), control))?;
    // deb-preinst(5) and dpkg(1), "Internal environment".
    let env = [
        ("DPKG_MAINTSCRIPT_PACKAGE", control.name()),
        ("DPKG_MAINTSCRIPT_PACKAGE_REFCOUNT", "1"),
        ("DPKG_MAINTSCRIPT_ARCH", control.field("Architecture")),
        ("DPKG_MAINTSCRIPT_NAME", "preinst"),
        ("DPKG_RUNNING_VERSION", dpkg),
        ("DPKG_ADMINDIR", "/var/lib/dpkg"),
        ("DPKG_ROOT", ""),
    ];
    let argv = [format!("{SCRIPTS}/preinst"), "install".to_owned()];
    programs.run_script(&argv, &env).map_err(|error| {
        error.within(format!(
            "the pre-installation script of {}",
            control.instance()
        ))
    })?;
    root.enter(|| files::remove(Path::new(SCRIPTS)))
}

/// Configures all unpacked packages with the tree's own dpkg, which finds the order and runs the triggers.
/// `done` is called once a package.
///
/// # Errors
/// A script failed; the error names the package and what failed.
pub(crate) fn configure(programs: &Programs, done: &(dyn Fn() + Sync)) -> Result<()> {
    let what = "cannot make a pipe for dpkg's progress";
    let (reader, writer) = std::io::pipe().context(what)?;
    // dpkg inherits the writing end under its number.
    rustix::io::fcntl_setfd(&writer, rustix::io::FdFlags::empty()).context(what)?;
    let argv = [
        "dpkg",
        "--force-confdef",
        "--force-confold",
        "--abort-after=1", // so that the end of the output is about what failed
        "--status-fd",
        &writer.as_raw_fd().to_string(),
        "--configure",
        "--pending",
    ]
    .map(str::to_owned);
    std::thread::scope(|scope| {
        let watcher = scope.spawn(|| watch(reader, done));
        let result = programs.run_script(&argv, &[]).map(drop);
        drop(writer); // the watcher reads to the end
        let failures = watcher.join().unwrap_or_default();
        match result {
            Err(error) if !failures.is_empty() => {
                let failures = failures
                    .iter()
                    .map(|(package, problem)| format!("{package}: {problem}"));
                let failures: Vec<String> = failures.collect();
                let mut detailed =
                    Error::external(format!("cannot configure {}", failures.join("; ")));
                for note in error.notes() {
                    detailed = detailed.note(note.clone());
                }
                Err(detailed)
            }
            other => other,
        }
    })
}

/// Follows dpkg's status lines, dpkg(1) `--status-fd`; returns the packages that failed and why.
fn watch(reader: PipeReader, done: &(dyn Fn() + Sync)) -> Vec<(String, String)> {
    let mut configured = HashSet::new();
    let mut failures = Vec::new();
    for line in BufReader::new(reader)
        .split(b'\n')
        .map_while(|line| line.ok())
    {
        let line = String::from_utf8_lossy(&line).into_owned();
        let Some(rest) = line.strip_prefix("status: ") else {
            continue;
        };
        if let Some((package, problem)) = rest.split_once(" : error : ") {
            failures.push((package.to_owned(), problem.to_owned()));
        } else if let Some(package) = rest.strip_suffix(": installed")
            && configured.insert(package.to_owned())
        {
            done();
        }
    }
    failures
}

/// Asks the tree's dpkg whether all is well.
///
/// # Errors
/// dpkg complains of something; the error shows it.
pub(crate) fn audit(programs: &Programs) -> Result<()> {
    let argv = ["dpkg", "--audit"].map(str::to_owned);
    let complaints = programs.run(&argv, &[])?;
    if complaints.is_empty() {
        return Ok(());
    }
    Err(Error::external("dpkg finds fault with the configured tree").note(complaints))
}

/// Forbids starting services while packages are configured, policy-rc.d(8); tidying removes the file.
pub(crate) fn forbid_services(root: &Root) -> Result<()> {
    let script = b"#!/bin/sh\nexit 101\n"; // 101: action forbidden by policy
    root.enter(|| files::write_atomic(Path::new("/usr/sbin/policy-rc.d"), script, 0o755))
}
