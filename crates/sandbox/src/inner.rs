//! Process 1 of the sandbox: does the job and leaves no process behind.

use kindling_base::{Context, Error, Failure, Result};
use rustix::fs::Mode;
use rustix::io::Errno;
use rustix::mount::{MountFlags, MountPropagationFlags};
use rustix::process::{Pid, Signal, WaitOptions};

use crate::job::Job;
use crate::wire::{self, Message};

/// Does the job that the builder sends, one of `jobs`, and returns the exit code.
pub(crate) fn run(jobs: &[Job]) -> i32 {
    match prepare().and_then(|()| perform(jobs)) {
        Ok(()) => {
            wire::send(&Message::Done);
            0
        }
        Err(error) => {
            wire::send(&Message::Failed(Failure::from(&error)));
            1
        }
    }
}

fn prepare() -> Result<()> {
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .context("cannot tie the sandbox to its parent")?;
    rustix::process::umask(Mode::WGRP | Mode::WOTH);
    // Scripts write the name into keys and configuration; it must not be the builder's machine's.
    rustix::system::sethostname(b"localhost").context("cannot name the sandbox's host")?;
    let propagation = MountPropagationFlags::REC | MountPropagationFlags::PRIVATE;
    rustix::mount::mount_change("/", propagation)
        .context("cannot make the sandbox's mounts private")?;
    let flags = MountFlags::NOSUID | MountFlags::NODEV | MountFlags::NOEXEC;
    rustix::mount::mount("proc", "/proc", "proc", flags, None)
        .context("cannot mount /proc in the sandbox")
}

fn perform(jobs: &[Job]) -> Result<()> {
    let (name, input) = wire::receive_job()?;
    let job = jobs.iter().find(|job| job.name == name);
    let job = job.ok_or_else(|| {
        Error::internal(format!("this executable does not offer the job `{name}`"))
    })?;
    (job.perform)(&input, &|done| wire::send(&Message::Progress(done)))
}

/// Ends all processes that the job's programs left running, and waits for it.
///
/// # Errors
/// The list of processes cannot be read.
pub fn end_processes() -> Result<()> {
    let what = "cannot list the sandbox's processes";
    loop {
        for entry in std::fs::read_dir("/proc").context(what)? {
            let name = entry.context(what)?.file_name();
            let pid = name.to_str().and_then(|name| name.parse().ok());
            if let Some(pid) = pid.filter(|pid| *pid != 1).and_then(Pid::from_raw) {
                let _ = rustix::process::kill_process(pid, Signal::KILL); // it may just have ended
            }
        }
        // All processes of the namespace are our children or become so when their parents end.
        match rustix::process::wait(WaitOptions::empty()) {
            Err(Errno::CHILD) => return Ok(()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error).context(what),
        }
    }
}
