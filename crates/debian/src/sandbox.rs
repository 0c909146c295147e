//! A process of our own in namespaces: what it and its children do stays in one folder.
//!
//! Everything that touches a root folder (unpacking, configuring, freezing) happens in one helper process, so
//! that ownership means the same throughout, whether the builder is root or an ordinary user:
//!
//! ```text
//! builder        starts the helper, sends it a job, relays its events
//!   outer        leaves the user's namespaces; as an ordinary user it waits for its ids first
//!     inner      process 1 of the new namespaces: does the job
//!       enter    one a program: gives the program the folder as its root and becomes it
//! ```
//!
//! The helper is the builder's own executable, whose `main` begins with [`main_if_reexecuted`].

mod enter;
mod ids;
mod inner;
mod wire;

use std::io::{BufRead, BufReader, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use kindling_base::{Command, Context, Error, Result, files};
use rustix::process::Signal;
use rustix::thread::UnshareFlags;
use serde::{Deserialize, Serialize};

use wire::Message;

pub(crate) use enter::Sandbox;
pub(crate) use inner::end_processes;

/// The variable that tells the executable which part of the helper it is.
const STAGE: &str = "KINDLING_SANDBOX";

/// What the helper is to do.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Job {
    /// Make a tree of packages.
    Assemble(crate::assemble::Spec),
    /// Run a program in a tree.
    Run {
        root: PathBuf,
        argv: Vec<String>,
        log: PathBuf,
    },
    /// Remove a folder whose files may belong to subordinate ids.
    Remove(PathBuf),
}

/// Does the helper's work and exits if this process was started as one; otherwise returns at once.
///
/// Every executable that calls [`crate::assemble()`] calls this first, before it starts a thread.
pub fn main_if_reexecuted() {
    let Some(stage) = std::env::var_os(STAGE) else {
        return;
    };
    let code = match stage.to_str() {
        Some("outer") => outer(),
        Some("inner") => inner::run(),
        Some("enter") => enter::run(),
        _ => 2,
    };
    std::process::exit(code);
}

/// Runs a program in a tree with the isolation of maintainer scripts: no network, no services.
///
/// `helper` is an executable whose `main` calls [`main_if_reexecuted`], usually
/// `std::env::current_exe()`. Output goes to `log`.
///
/// # Errors
/// The program failed or the sandbox could not be made.
pub fn run_in_root(helper: &Path, root: &Path, argv: &[&str], log: &Path) -> Result<()> {
    let job = Job::Run {
        root: files::absolute(root)?,
        argv: argv.iter().map(|arg| (*arg).to_owned()).collect(),
        log: files::absolute(log)?,
    };
    run(helper, log, &job, |_| {})
}

/// Removes a folder that an assembly kept, and what is in it.
///
/// # Errors
/// Something cannot be removed or the sandbox could not be made.
pub fn remove_root(helper: &Path, root: &Path, log: &Path) -> Result<()> {
    run(helper, log, &Job::Remove(files::absolute(root)?), |_| {})
}

/// Runs a job in the helper; `configured` gets the number of packages done.
pub(crate) fn run(
    helper: &Path,
    log: &Path,
    job: &Job,
    mut configured: impl FnMut(u64),
) -> Result<()> {
    let what = || format!("cannot start the sandbox helper {}", helper.display());
    let (ours, theirs) = UnixStream::pair().context(what())?;
    if let Some(folder) = log.parent() {
        files::create_dir_all(folder)?;
    }
    let mut options = std::fs::File::options();
    let stderr = options.create(true).append(true).open(log);
    let stderr = stderr.context(format!("cannot write the log {}", log.display()))?;
    let mut command = Command::new(helper).env(STAGE, "outer").to_std();
    command
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .stdout(Stdio::null())
        .stderr(stderr);
    let mut child = command.spawn().context(what())?;
    drop(command); // holds their end: we would never see it close
    let result = converse(&ours, child.id(), job, &mut configured);
    if result.is_err() {
        let _ = child.kill(); // inner and all of its children die with it
    }
    let status = child.wait().context(what())?;
    match result {
        Ok(true) => Ok(()),
        Ok(false) => Err(
            Error::internal(format!("the sandbox helper ended early: {status}"))
                .note(format!("whole log: {}", log.display())),
        ),
        Err(error) => Err(error),
    }
}

/// Talks to the helper until it is done (`true`) or gone (`false`).
fn converse(
    mut socket: &UnixStream,
    helper: u32,
    job: &Job,
    configured: &mut impl FnMut(u64),
) -> Result<bool> {
    let what = "cannot talk to the sandbox helper";
    let mut lines = BufReader::new(socket);
    let mut line = String::new();
    loop {
        line.clear();
        if lines.read_line(&mut line).context(what)? == 0 {
            return Ok(false);
        }
        let message =
            serde_json::from_str(&line).map_err(|error| Error::internal(what).because(error))?;
        match message {
            Message::Unshared => {
                if !rustix::process::getuid().is_root() {
                    ids::map(helper)?;
                }
                let job = serde_json::to_string(job)
                    .map_err(|error| Error::internal(what).because(error))?;
                socket
                    .write_all(format!("\n{job}\n").as_bytes())
                    .context(what)?;
            }
            Message::Configured(count) => configured(count),
            Message::Done => return Ok(true),
            Message::Failed(failure) => return Err(failure.into_error()),
        }
    }
}

/// The helper's first process: leaves the namespaces of the user and starts the inner one in the new ones.
fn outer() -> i32 {
    match unshare().and_then(|()| start_inner()) {
        Ok(code) => code,
        Err(error) => {
            wire::send(&Message::Failed(wire::Failure::new(&error)));
            1
        }
    }
}

fn unshare() -> Result<()> {
    // The builder's death ends the helper, and this process's the whole process namespace.
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .context("cannot tie the sandbox to its parent")?;
    let mut flags = UnshareFlags::NEWNS
        | UnshareFlags::NEWPID
        | UnshareFlags::NEWIPC
        | UnshareFlags::NEWUTS
        | UnshareFlags::NEWNET;
    let user = !rustix::process::getuid().is_root();
    if user {
        flags |= UnshareFlags::NEWUSER;
    }
    #[expect(unsafe_code, reason = "rustix leaves sharing of descriptors to the caller")]
    // SAFETY: the process has one thread and keeps its table of descriptors.
    unsafe { rustix::thread::unshare_unsafe(flags) }.map_err(|errno| {
        let error = Error::user("cannot make the namespaces in which packages are configured")
            .because(std::io::Error::from(errno));
        match user {
            true => error.hint(
                "allow user namespaces: on Ubuntu 24.04 and later AppArmor forbids them until `sudo sysctl \
                 kernel.apparmor_restrict_unprivileged_userns=0`, elsewhere see the sysctl \
                 user.max_user_namespaces; or build as root",
            ),
            false => error.hint("in a container, give it CAP_SYS_ADMIN"),
        }
    })?;
    wire::send(&Message::Unshared);
    // One byte, no more: what follows on the socket is for the inner process.
    let mut go = [0; 1];
    let stdin = std::io::stdin();
    rustix::io::read(stdin.as_fd(), &mut go).context("cannot hear from the builder")?;
    if user {
        ids::become_root()?;
    }
    Ok(())
}

fn start_inner() -> Result<i32> {
    let what = "cannot start the sandbox's inner process";
    let mut command = Command::new("/proc/self/exe").env(STAGE, "inner").to_std();
    command.stdin(Stdio::inherit());
    let status = command
        .spawn()
        .and_then(|mut child| child.wait())
        .context(what)?;
    Ok(status.code().unwrap_or(1))
}
