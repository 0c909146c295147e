//! The last part of the helper: gives a program its root and becomes it.

use std::os::unix::process::CommandExt;
use std::path::Path;

use kindling_base::{Command, Context, Error, PRELOAD, Result};
use rustix::fs::Mode;
use rustix::mount::UnmountFlags;
use rustix::thread::UnshareFlags;

use crate::mounts::{PRELOADED, mount};
use crate::program::{PROGRAM, Program, STAND_INS};
use crate::syncs::ignore_syncs;

/// Becomes the program; returns an exit code only if that failed.
#[expect(clippy::print_stderr, reason = "standard error is the program's log")]
pub(crate) fn run() -> i32 {
    let failure = match become_program() {
        Ok(never) => match never {},
        Err(error) => error,
    };
    eprintln!("{}", failure.report());
    1
}

fn become_program() -> Result<std::convert::Infallible> {
    let what = "the sandbox has no program to run";
    let program = std::env::var(PROGRAM).map_err(|error| Error::internal(what).because(error))?;
    let program: Program =
        serde_json::from_str(&program).map_err(|error| Error::internal(what).because(error))?;
    let [name, args @ ..] = program.argv.as_slice() else {
        return Err(Error::internal(what));
    };
    #[expect(
        unsafe_code,
        reason = "rustix leaves sharing of descriptors to the caller"
    )]
    // SAFETY: the process has one thread and keeps its table of descriptors.
    unsafe { rustix::thread::unshare_unsafe(UnshareFlags::NEWNS) }
        .context("cannot make a mount namespace")?;
    mount(&program)?;
    change_root(&program.root)?;
    ignore_syncs()?;
    rustix::process::umask(Mode::WGRP | Mode::WOTH);
    let mut command = Command::new(name).args(args).to_std();
    let folder = program.folder.as_deref().unwrap_or(Path::new("/"));
    command.env_clear().envs(program.env).current_dir(folder);
    if std::env::var_os(PRELOAD).is_some() {
        command.env("LD_PRELOAD", Path::new(STAND_INS).join(PRELOADED));
    }
    Err(Error::external(format!("cannot start `{name}`")).because(command.exec()))
}

fn change_root(root: &Path) -> Result<()> {
    let what = || format!("cannot make {} the root", root.display());
    rustix::process::chdir(root).context(what())?;
    // Both arguments may be the same folder, pivot_root(2): the old root then lies over the new one.
    rustix::process::pivot_root(".", ".").context(what())?;
    rustix::mount::unmount(".", UnmountFlags::DETACH).context(what())?;
    rustix::process::chdir("/").context(what())
}
