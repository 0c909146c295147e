//! The helper's first process: leaves the namespaces of the user and starts the inner one in the new ones.

use std::process::Stdio;

use kindling_base::{Context, Error, Failure, Result};
use rustix::process::Signal;
use rustix::thread::UnshareFlags;

use crate::ids;
use crate::stage::this_executable;
use crate::wire::{self, Message};

/// Does all of it and returns the exit code.
pub(crate) fn run() -> i32 {
    match unshare().and_then(|()| start_inner()) {
        Ok(code) => code,
        Err(error) => {
            wire::send(&Message::Failed(Failure::from(&error)));
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
        let error = Error::user("cannot make the namespaces of the sandbox")
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
    wire::wait_to_go_on()?;
    if user {
        ids::become_root()?;
    }
    Ok(())
}

fn start_inner() -> Result<i32> {
    let what = "cannot start the sandbox's inner process";
    let mut command = this_executable("inner").to_std();
    command.stdin(Stdio::inherit());
    let status = command
        .spawn()
        .and_then(|mut child| child.wait())
        .context(what)?;
    Ok(status.code().unwrap_or(1))
}
