//! A program that runs, for those who send it signals.

use std::io;
use std::os::fd::OwnedFd;
use std::process::{Child, ExitStatus};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Duration;

use kindling_protocol::{Note, Terminal};
use rustix::process::{Pid, Signal, kill_process_group};
use rustix::termios::{Winsize, tcsetwinsize};

use super::spawn::Spawned;
use crate::stream::Watcher;

/// The time that a program has to end in good order when its client is gone.
const GRACE: Duration = Duration::from_secs(1);

/// A program, the leader of its own session and process group.
pub(super) struct Running {
    pid: Pid,
    terminal: Option<Arc<OwnedFd>>,
    reaped: Arc<(Mutex<bool>, Condvar)>,
}

impl Running {
    pub(super) fn new(spawned: &Spawned) -> Self {
        Self {
            pid: Pid::from_child(&spawned.child),
            terminal: spawned.terminal.clone(),
            reaped: Arc::default(),
        }
    }

    pub(super) fn pid(&self) -> Pid {
        self.pid
    }

    /// Kills it and its process group.
    pub(super) fn kill(&self) {
        send(self.pid, &self.reaped.0, Signal::KILL);
    }

    /// Takes the exit status; no signal is sent from then on, as the number may become another process's.
    pub(super) fn reap(&self, child: &mut Child) -> io::Result<ExitStatus> {
        let mut reaped = self.reaped.0.lock().unwrap_or_else(PoisonError::into_inner);
        *reaped = true;
        self.reaped.1.notify_all();
        child.wait()
    }
}

fn send(pid: Pid, reaped: &Mutex<bool>, signal: Signal) {
    let reaped = reaped.lock().unwrap_or_else(PoisonError::into_inner);
    if !*reaped {
        let _ = kill_process_group(pid, signal); // it may have ended
    }
}

impl Watcher for Running {
    fn note(&self, note: Note) {
        match note {
            Note::Signal { number } => {
                if let Some(signal) = Signal::from_named_raw(number) {
                    send(self.pid, &self.reaped.0, signal);
                }
            }
            Note::Resize(size) => {
                if let Some(terminal) = &self.terminal {
                    let _ = tcsetwinsize(terminal, winsize(size)); // its program may have ended
                }
            }
        }
    }

    /// As when a terminal is closed; then, for those who do not mind, for good.
    fn gone(&self) {
        for signal in [Signal::HUP, Signal::CONT] {
            send(self.pid, &self.reaped.0, signal);
        }
        let (pid, reaped) = (self.pid, Arc::clone(&self.reaped));
        let later = move || {
            let (lock, changed) = &*reaped;
            let guard = lock.lock().unwrap_or_else(PoisonError::into_inner);
            drop(changed.wait_timeout_while(guard, GRACE, |reaped| !*reaped));
            send(pid, lock, Signal::KILL);
        };
        if thread::Builder::new()
            .stack_size(64 << 10)
            .spawn(later)
            .is_err()
        {
            self.kill();
        }
    }
}

/// A terminal's size as the kernel takes it.
pub(super) fn winsize(size: Terminal) -> Winsize {
    Winsize {
        ws_row: size.rows,
        ws_col: size.columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}
