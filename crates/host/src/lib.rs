//! Packages that this machine must have, and their installation with apt.

mod lists;

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use kindling_base::{Command, Context, Error, Event, Reporter, Result, search_path};

pub use lists::{QEMU, TEST};

/// A Debian or Ubuntu package that a build or a run needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostPackage {
    /// The name that apt knows.
    pub name: &'static str,
    /// The file or program that shows that it is installed.
    pub proof: Proof,
    /// Why it is needed, as the end of a sentence: `to build the kernel`.
    pub reason: &'static str,
}

/// The sign that a package is installed. dpkg is not asked, so that other distributions and installations by hand count
/// as well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proof {
    /// A program in PATH, `/usr/sbin` or `/sbin`.
    Program(&'static str),
    /// Any one of these absolute paths exists.
    File(&'static [&'static str]),
}

/// The packages of `wanted` that this machine lacks, in the same order. Looks only at files.
pub fn missing(wanted: &[HostPackage]) -> Vec<&HostPackage> {
    missing_on(&Machine::this(), wanted)
}

/// Makes sure that this machine has all of `wanted`.
///
/// If `install` is set and we are root, missing packages are installed with apt, after one [`Event::Note`]. Where nothing
/// is missing, this costs a few `stat` calls.
///
/// # Errors
/// Something is missing and may not be installed (a user error with the exact command to run), or apt
/// failed (an external error with the end of its output).
pub fn ensure(wanted: &[HostPackage], install: bool, reporter: &dyn Reporter) -> Result<()> {
    ensure_on(&Machine::this(), wanted, install, reporter)
}

/// The program of this name in PATH, `/usr/sbin` or `/sbin`.
pub fn find(program: &str) -> Option<PathBuf> {
    Machine::this().program(program)
}

/// The properties of a machine that [`ensure`] needs.
struct Machine {
    /// Folders searched for programs.
    programs: Vec<PathBuf>,
    /// Whether we may install.
    root: bool,
}

impl Machine {
    fn this() -> Self {
        Self {
            programs: std::env::split_paths(&search_path()).collect(),
            root: rustix::process::geteuid().is_root(),
        }
    }

    fn program(&self, name: &str) -> Option<PathBuf> {
        let mut candidates = self.programs.iter().map(|folder| folder.join(name));
        candidates.find(|path| is_executable(path))
    }

    fn has(&self, proof: Proof) -> bool {
        match proof {
            Proof::Program(name) => self.program(name).is_some(),
            Proof::File(paths) => paths.iter().any(|path| Path::new(path).exists()),
        }
    }
}

fn is_executable(path: &Path) -> bool {
    path.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

fn missing_on<'a>(machine: &Machine, wanted: &'a [HostPackage]) -> Vec<&'a HostPackage> {
    wanted
        .iter()
        .filter(|package| !machine.has(package.proof))
        .collect()
}

fn ensure_on(
    machine: &Machine,
    wanted: &[HostPackage],
    install: bool,
    reporter: &dyn Reporter,
) -> Result<()> {
    let lacking = missing_on(machine, wanted);
    if lacking.is_empty() {
        return Ok(());
    }
    let Some(apt) = machine.program("apt-get") else {
        return Err(lacks(&lacking).hint(
            "there is no apt-get here: install what the list names with this machine's own package manager",
        ));
    };
    let command = format!(
        "apt-get install --no-install-recommends {}",
        names(&lacking)
    );
    match (machine.root, install) {
        (true, true) => {}
        (true, false) => return Err(lacks(&lacking).hint(format!("run: {command}"))),
        (false, _) => return Err(lacks(&lacking).hint(format!("run: sudo {command}"))),
    }
    reporter.report(Event::Note(format!(
        "installing with apt: {}",
        by_reason(&lacking)
    )));
    apt_install(&apt, &lacking, reporter)?;
    let still = missing_on(machine, wanted);
    if still.is_empty() {
        return Ok(());
    }
    Err(Error::external(format!(
        "apt installed {} but its files are not where they should be",
        names(&still)
    ))
    .note(list(&still))
    .hint("see that PATH contains /usr/bin, and that the packages are of this distribution"))
}

/// Refreshes apt's lists once and installs; the log outlives us only if something failed.
fn apt_install(apt: &Path, packages: &[&HostPackage], reporter: &dyn Reporter) -> Result<()> {
    let log = tempfile::Builder::new()
        .prefix("kindling-apt-")
        .suffix(".log")
        .tempfile()
        .context("cannot make a log file for apt")?;
    let run = |args: &[&str]| {
        let mut command = Command::new(apt)
            .env("DEBIAN_FRONTEND", "noninteractive")
            // Another apt, such as unattended-upgrades at boot, is waited for instead of failing at once.
            .args(["-o", "DPkg::Lock::Timeout=300", "-o", "Acquire::Retries=3"])
            .args(args)
            .log(log.path());
        for proxy in ["http_proxy", "https_proxy", "no_proxy"] {
            if let Some(value) = std::env::var_os(proxy) {
                command = command.env(proxy, value);
            }
        }
        command.stream(|_| Ok(()))
    };
    // One broken third-party source must not stop us: what we need may come from another, or from the old lists.
    if run(&["update"]).is_err() {
        reporter.report(Event::Warning(
            "`apt-get update` failed; trying to install with the package lists at hand".to_owned(),
        ));
    }
    let mut args = vec!["install", "-y", "--no-install-recommends"];
    args.extend(packages.iter().map(|package| package.name));
    let result = run(&args);
    if result.is_err() {
        log.keep()
            .map_err(|e| e.error)
            .context("cannot keep apt's log")?;
    }
    result.map_err(|error| {
        error.hint("mend what apt says, or install the packages by hand and run this again")
    })
}

fn lacks(packages: &[&HostPackage]) -> Error {
    let what = match packages.len() {
        1 => "a package".to_owned(),
        count => format!("{count} packages"),
    };
    Error::user(format!("this machine lacks {what} that this needs")).note(list(packages))
}

/// One line for each: the package, what was looked for, and why.
fn list(packages: &[&HostPackage]) -> String {
    let lines = packages.iter().map(|package| {
        let proof = match package.proof {
            Proof::Program(name) => format!("program `{name}`"),
            Proof::File(paths) => paths.join(" or "),
        };
        format!("{} ({proof}) {}", package.name, package.reason)
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn names(packages: &[&HostPackage]) -> String {
    let names: Vec<&str> = packages.iter().map(|package| package.name).collect();
    names.join(" ")
}

/// `flex bison (to build the kernel), mmdebstrap (to compare trees)`
fn by_reason(packages: &[&HostPackage]) -> String {
    let mut groups: Vec<(&str, Vec<&str>)> = Vec::new();
    for package in packages {
        match groups
            .iter_mut()
            .find(|(reason, _)| *reason == package.reason)
        {
            Some((_, names)) => names.push(package.name),
            None => groups.push((package.reason, vec![package.name])),
        }
    }
    let texts = groups
        .iter()
        .map(|(reason, names)| format!("{} ({reason})", names.join(" ")));
    texts.collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests;
