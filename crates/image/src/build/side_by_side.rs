//! Work on several stages at a time: bounded, and stopped by the first failure.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::thread;

use kindling_base::{Cancel, Error};
use kindling_fetch::FetchError;

/// Why a stage has no result.
#[derive(Debug)]
pub(super) enum Halt {
    /// It failed.
    Failed(FetchError),
    /// Another one failed, which says why.
    Elsewhere,
}

impl From<FetchError> for Halt {
    fn from(error: FetchError) -> Self {
        Self::Failed(error)
    }
}

impl From<Error> for Halt {
    fn from(error: Error) -> Self {
        Self::Failed(error.into())
    }
}

impl From<Halt> for FetchError {
    fn from(halt: Halt) -> Self {
        match halt {
            Halt::Failed(error) => error,
            // Only where nobody has told the failure; `all` passes on the one that has.
            Halt::Elsewhere => Error::internal("another stage of the build failed").into(),
        }
    }
}

/// Work that may fail, on a thread of its own.
pub(super) type Branch<'a> = &'a mut (dyn FnMut() -> Result<(), Halt> + Send);

/// Runs branches, and bounds how many stages are made at a time.
pub(super) struct Branches {
    free: Mutex<usize>,
    changed: Condvar,
    cancel: Cancel,
    /// The first failure, whichever call of [`Branches::all`] it is of: what fails later may have failed because of it.
    first: Mutex<Option<FetchError>>,
    /// Calls of [`Branches::all`] that have not returned. Branches may have branches.
    calls: AtomicUsize,
}

impl Branches {
    /// At most `at_once` stages are made at a time.
    pub(super) fn new(at_once: usize) -> Self {
        Self {
            free: Mutex::new(at_once.max(1)),
            changed: Condvar::new(),
            cancel: Cancel::default(),
            first: Mutex::new(None),
            calls: AtomicUsize::new(0),
        }
    }

    /// Runs all branches to their ends, each on a thread.
    ///
    /// # Errors
    /// A branch failed: the error is that of the first, and the outermost call has it. Programs that others run are ended
    /// then, and stages that have no turn yet are not begun.
    pub(super) fn all<const N: usize>(&self, branches: [Branch<'_>; N]) -> Result<(), Halt> {
        let first = || self.first.lock().unwrap_or_else(PoisonError::into_inner);
        self.calls.fetch_add(1, Ordering::SeqCst);
        thread::scope(|scope| {
            for branch in branches {
                scope.spawn(move || {
                    if let Err(Halt::Failed(error)) = self.cancel.within(branch) {
                        first().get_or_insert(error);
                        self.stop();
                    }
                });
            }
        });
        let is_outermost = self.calls.fetch_sub(1, Ordering::SeqCst) == 1;
        match is_outermost.then(|| first().take()).flatten() {
            Some(error) => Err(Halt::Failed(error)),
            None if self.cancel.is_cancelled() => Err(Halt::Elsewhere),
            None => Ok(()),
        }
    }

    /// Waits until a stage may be made. Not for who waits for another stage meanwhile.
    ///
    /// # Errors
    /// Another stage failed.
    pub(super) fn turn(&self) -> Result<Turn<'_>, Halt> {
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        while *free == 0 && !self.cancel.is_cancelled() {
            free = self
                .changed
                .wait(free)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if self.cancel.is_cancelled() {
            return Err(Halt::Elsewhere);
        }
        *free -= 1;
        Ok(Turn(self))
    }

    fn stop(&self) {
        let _free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        self.cancel.cancel();
        self.changed.notify_all();
    }
}

/// The right to make a stage, given back when dropped.
pub(super) struct Turn<'a>(&'a Branches);

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        *self.0.free.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.0.changed.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::time::{Duration, Instant};

    use kindling_base::Command;

    use super::*;

    #[test]
    fn branches_run_at_the_same_time() {
        let (branches, together) = (Branches::new(1), Barrier::new(2)); // or this never ends
        let meet = || {
            together.wait();
            Ok(())
        };
        branches.all([&mut { meet }, &mut { meet }]).unwrap();
    }

    #[test]
    fn no_more_stages_are_made_at_a_time_than_there_are_turns() {
        let branches = Branches::new(2);
        let (now, most) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let stage = || {
            for _ in 0..50 {
                let _turn = branches.turn()?;
                most.fetch_max(now.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
                thread::yield_now();
                now.fetch_sub(1, Ordering::SeqCst);
            }
            Ok(())
        };
        let mut stages = [stage; 4];
        let [a, b, c, d] = &mut stages;
        branches.all([a, b, c, d]).unwrap();
        assert!(most.into_inner() <= 2);
    }

    #[test]
    fn a_failure_of_a_branch_of_a_branch_is_the_one_that_is_told() {
        let branches = Branches::new(2);
        let failed = branches.all([
            &mut || {
                branches.all([&mut || Err(Error::user("the first").into()), &mut || {
                    Ok(Command::new("sleep").arg("600").run().map(drop)?)
                }])
            },
            &mut || loop {
                // Fails as soon as the other has, and before all of the other has ended.
                kindling_base::cancel::check()?;
                thread::yield_now();
            },
        ]);
        let Err(Halt::Failed(FetchError::Failed(error))) = failed else {
            panic!("{failed:?}");
        };
        assert_eq!(error.to_string(), "the first");
    }

    #[test]
    fn a_failure_ends_programs_of_the_others_and_is_the_one_that_is_told() {
        let (branches, started) = (Branches::new(2), Barrier::new(2));
        let begun = Instant::now();
        let failed = branches.all([
            &mut || {
                started.wait();
                let _turn = branches.turn()?;
                Ok(Command::new("sleep").arg("600").run().map(drop)?)
            },
            &mut || {
                started.wait();
                Err(Error::user("the first").into())
            },
        ]);
        let Err(Halt::Failed(FetchError::Failed(error))) = failed else {
            panic!("{failed:?}");
        };
        assert_eq!(error.to_string(), "the first");
        assert!(matches!(branches.turn(), Err(Halt::Elsewhere)));
        assert!(begun.elapsed() < Duration::from_secs(300));
    }
}
