//! Ending work early: when one of several stages fails, the others' programs are ended and their loops left.

use std::cell::RefCell;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use crate::{Error, Result};

thread_local! {
    static CURRENT: RefCell<Option<Cancel>> = const { RefCell::new(None) };
}

/// A request to end, shared by all threads that work within it. Cloning is cheap.
#[derive(Clone, Debug, Default)]
pub struct Cancel(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    cancelled: AtomicBool,
    next: AtomicU64,
    /// Programs that run, each by a number of its own.
    programs: Mutex<Vec<(u64, OwnedFd)>>,
}

impl Cancel {
    /// Does work that this request can end: programs that this thread runs meanwhile get SIGTERM, and [`check`] fails.
    pub fn within<T>(&self, work: impl FnOnce() -> T) -> T {
        let before = CURRENT.with(|current| current.replace(Some(self.clone())));
        let _restore = Restore(before);
        work()
    }

    /// The request that this thread works within.
    pub fn current() -> Option<Self> {
        CURRENT.with(|current| current.borrow().clone())
    }

    /// Asks for the end of all work.
    pub fn cancel(&self) {
        let programs = self
            .0
            .programs
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        self.0.cancelled.store(true, Ordering::SeqCst);
        for (_, program) in programs.iter() {
            let _ = pidfd_send_signal(program, Signal::TERM); // it may just have ended
        }
    }

    /// Whether [`Cancel::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.0.cancelled.load(Ordering::SeqCst)
    }

    /// Ends the program of this process number with the work, until the guard is dropped, which has to be before anybody
    /// waits for another program of the same number.
    fn end_with(&self, pid: u32) -> Option<Program> {
        let pid = Pid::from_raw(i32::try_from(pid).ok()?)?;
        let program = pidfd_open(pid, PidfdFlags::empty()).ok()?;
        let mut programs = self
            .0
            .programs
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if self.is_cancelled() {
            let _ = pidfd_send_signal(&program, Signal::TERM);
        }
        let number = self.0.next.fetch_add(1, Ordering::Relaxed);
        programs.push((number, program));
        Some(Program {
            cancel: self.clone(),
            number,
        })
    }
}

/// Fails if the work of this thread is to end.
///
/// # Errors
/// It is; whoever asked for that has the reason.
pub fn check() -> Result<()> {
    match Cancel::current() {
        Some(cancel) if cancel.is_cancelled() => {
            Err(Error::internal("stopped, because something else failed"))
        }
        _ => Ok(()),
    }
}

/// Has a child process end with the work of this thread, as long as the guard lives.
pub fn end_with_us(pid: u32) -> Option<Program> {
    Cancel::current()?.end_with(pid)
}

/// A program that ends with the work.
#[derive(Debug)]
pub struct Program {
    cancel: Cancel,
    number: u64,
}

impl Drop for Program {
    fn drop(&mut self) {
        let mut programs = (self.cancel.0.programs.lock()).unwrap_or_else(PoisonError::into_inner);
        programs.retain(|(number, _)| *number != self.number);
    }
}

struct Restore(Option<Cancel>);

impl Drop for Restore {
    fn drop(&mut self) {
        CURRENT.with(|current| current.replace(self.0.take()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Command, parallel};

    #[test]
    fn programs_end_and_loops_stop_and_what_is_outside_goes_on() {
        let cancel = Cancel::default();
        std::thread::scope(|scope| {
            let sleeping = scope.spawn(|| cancel.within(|| Command::new("sleep").arg("600").run()));
            let streaming = scope
                .spawn(|| cancel.within(|| Command::new("sleep").arg("600").stream(|_| Ok(()))));
            while cancel.0.programs.lock().unwrap().len() < 2 {
                std::thread::yield_now();
            }
            cancel.cancel();
            assert!(sleeping.join().unwrap().is_err());
            assert!(streaming.join().unwrap().is_err());
        });
        assert!(cancel.0.programs.lock().unwrap().is_empty());
        let begun = cancel.within(|| parallel::each(&[1, 2], 2, |_| check()));
        assert!(begun.is_err());
        // A program that is started later ends as well.
        assert!(
            cancel
                .within(|| Command::new("sleep").arg("600").run())
                .is_err()
        );
        check().unwrap();
        Command::new("true").run().unwrap();
    }
}
