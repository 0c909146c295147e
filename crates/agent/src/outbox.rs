//! Queues the frames of all streams for one thread, which writes them in their order.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// The queue of frames. It is bounded by the credit of the streams that fill it.
#[derive(Debug, Default)]
pub(crate) struct Outbox {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Vec<u8>>,
    /// The number of the session; frames of an earlier one are void.
    session: u64,
    closed: bool,
}

impl Outbox {
    /// Drops what is queued and begins another session with these bytes; returns the session's number.
    pub(crate) fn restart(&self, bytes: &[u8]) -> u64 {
        let mut state = self.lock();
        state.frames.clear();
        state.frames.push_back(bytes.to_vec());
        state.session += 1;
        self.changed.notify_all();
        state.session
    }

    /// Queues frames of a session; `false` if that is over.
    pub(crate) fn push(&self, session: u64, frames: Vec<u8>) -> bool {
        let mut state = self.lock();
        if state.closed || state.session != session {
            return false;
        }
        state.frames.push_back(frames);
        self.changed.notify_all();
        true
    }

    /// Lets [`Outbox::write_to`] return, and nothing in.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    /// Writes what is queued until the outbox is closed.
    pub(crate) fn write_to(&self, writer: &mut dyn Write) -> io::Result<()> {
        loop {
            let frames = {
                let mut state = self.lock();
                loop {
                    if state.closed {
                        return Ok(());
                    }
                    if let Some(frames) = state.frames.pop_front() {
                        break frames;
                    }
                    state = self
                        .changed
                        .wait(state)
                        .unwrap_or_else(PoisonError::into_inner);
                }
            };
            writer.write_all(&frames)?;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
