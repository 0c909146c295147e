//! Reading a VM's console log while it grows.

use std::io::{ErrorKind, Read, Write};
use std::time::Duration;

use kindling_base::{Context, Result, files};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::inotify;

use super::{CONSOLE_LOG, StateFolder, Vm};

/// A supervisor that dies changes no file; so whether it lives is looked at this often.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Copies the console log of `vm` to `out`; with `follow`, goes on until the VM has ended. A reader that closes
/// `out` ends it too.
///
/// # Errors
/// The log cannot be read or followed.
pub fn copy(state: &StateFolder, vm: &Vm, follow: bool, out: &mut dyn Write) -> Result<()> {
    let path = vm.folder.join(CONSOLE_LOG);
    let what = || format!("cannot follow {}", path.display());
    // Watched before the first look, so that nothing written between the two is missed.
    let watch = inotify::init(inotify::CreateFlags::CLOEXEC).context(what())?;
    let changes =
        inotify::WatchFlags::MODIFY | inotify::WatchFlags::CREATE | inotify::WatchFlags::MOVED_TO;
    inotify::add_watch(&watch, &vm.folder, changes).context(what())?;
    let mut log = None;
    loop {
        let live = follow
            && state
                .find(&vm.spec.name)
                .is_ok_and(|vm| vm.status.state.is_live());
        if log.is_none() && path.exists() {
            log = Some(files::open(&path)?);
        }
        if let Some(log) = &mut log
            && !copy_rest(log, out).context(what())?
        {
            return Ok(());
        }
        if !live {
            return Ok(()); // what it wrote last is copied: it had ended before we read
        }
        let timeout = Timespec {
            tv_sec: LOOK_AGAIN.as_secs().cast_signed(),
            tv_nsec: 0,
        };
        let mut ready = [PollFd::new(&watch, PollFlags::IN)];
        if poll(&mut ready, Some(&timeout)).context(what())? > 0 {
            let mut events = [0; 4096];
            rustix::io::read(&watch, &mut events).context(what())?; // which of them does not matter
        }
    }
}

/// Copies what is there; `false` if nobody reads `out` any more.
fn copy_rest(log: &mut impl Read, out: &mut dyn Write) -> std::io::Result<bool> {
    match std::io::copy(log, out).and_then(|_| out.flush()) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(error),
    }
}
