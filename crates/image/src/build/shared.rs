//! A result that several threads ask for and one makes.

use std::sync::{Condvar, Mutex, OnceLock, PoisonError};

use super::side_by_side::Halt;

/// A result that is made when it is first asked for. Whoever asks meanwhile waits for it.
pub(super) struct Shared<T> {
    value: OnceLock<T>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Unmade,
    InTheMaking,
    Failed,
}

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self {
            value: OnceLock::new(),
            state: Mutex::new(State::Unmade),
            changed: Condvar::new(),
        }
    }
}

impl<T> Shared<T> {
    /// The result, made by `make` if nobody has begun to.
    ///
    /// # Errors
    /// `make` failed: its error for the one who called it, [`Halt::Elsewhere`] for all others.
    pub(super) fn get(&self, make: impl FnOnce() -> Result<T, Halt>) -> Result<&T, Halt> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        while *state == State::InTheMaking && self.value.get().is_none() {
            let waited = self.changed.wait(state);
            state = waited.unwrap_or_else(PoisonError::into_inner);
        }
        if let Some(value) = self.value.get() {
            return Ok(value);
        }
        if *state == State::Failed {
            return Err(Halt::Elsewhere);
        }
        *state = State::InTheMaking;
        drop(state);
        let _ended = Ended(self);
        let made = make()?;
        Ok(self.value.get_or_init(|| made))
    }
}

/// Wakes who waits, whether the result was made, failed or the maker panicked.
struct Ended<'a, T>(&'a Shared<T>);

impl<T> Drop for Ended<'_, T> {
    fn drop(&mut self) {
        let mut state = self.0.state.lock().unwrap_or_else(PoisonError::into_inner);
        if self.0.value.get().is_none() {
            *state = State::Failed;
        }
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::thread;

    use kindling_base::Error;

    use super::*;

    #[test]
    fn a_result_is_made_once_for_all() {
        let (shared, made, together) = (Shared::default(), AtomicU32::new(0), Barrier::new(4));
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    together.wait();
                    let value = shared.get(|| Ok(made.fetch_add(1, Ordering::SeqCst)));
                    assert!(matches!(value, Ok(0)));
                });
            }
        });
        assert_eq!(made.into_inner(), 1);
    }

    #[test]
    fn one_is_told_why_it_failed_and_the_others_that_it_did() {
        let (shared, together) = (Shared::<()>::default(), Barrier::new(3));
        let told: Vec<bool> = thread::scope(|scope| {
            let threads: Vec<_> = (0..3)
                .map(|_| {
                    scope.spawn(|| {
                        together.wait();
                        let failed = shared.get(|| Err(Error::user("why").into()));
                        matches!(failed, Err(Halt::Failed(_)))
                    })
                })
                .collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .collect()
        });
        assert_eq!(told.iter().filter(|told| **told).count(), 1);
    }
}
