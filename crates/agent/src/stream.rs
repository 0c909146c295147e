//! One stream: blocking reads and writes for the thread that serves it, over the frames of the session.

use std::collections::VecDeque;
use std::io::{self, Read, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use kindling_protocol::{
    CHUNK, Credit, Frame, Granted, Kind, Note, Reply, close, credit, data, end, message,
};

use crate::outbox::Outbox;

/// A stream that the host has opened.
pub(crate) struct Stream {
    number: u32,
    session: u64,
    outbox: Arc<Outbox>,
    state: Mutex<State>,
    changed: Condvar,
}

/// A listener for everything that the host says besides data.
pub(crate) trait Watcher: Send + Sync {
    /// The host says this.
    fn note(&self, note: Note);
    /// The host has lost interest.
    fn gone(&self);
}

#[derive(Default)]
struct State {
    input: VecDeque<u8>,
    /// No more input comes.
    ended: bool,
    /// Nobody reads the input any more.
    unread: bool,
    /// The host is not interested any more.
    gone: bool,
    /// Bytes that the host may still send.
    theirs: Credit,
    granted: Granted,
    /// Bytes that we may still send.
    ours: Credit,
    watcher: Option<Arc<dyn Watcher>>,
}

impl Stream {
    pub(crate) fn new(number: u32, session: u64, outbox: Arc<Outbox>) -> Self {
        Self {
            number,
            session,
            outbox,
            state: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    /// Its number.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Lets `watcher` know what happens from now on; that the host is gone even if that was before.
    pub(crate) fn watch(&self, watcher: Arc<dyn Watcher>) {
        let mut state = self.lock();
        let gone = state.gone;
        state.watcher = Some(Arc::clone(&watcher));
        drop(state);
        if gone {
            watcher.gone();
        }
    }

    /// Takes a frame from the host; `false` if it sends more than it may.
    pub(crate) fn take(&self, frame: &Frame) -> bool {
        let mut state = self.lock();
        match frame.kind {
            Kind::Data | Kind::ErrorData => {
                if !state.theirs.spend_exactly(frame.payload.len()) {
                    return false;
                }
                if state.unread {
                    self.consumed(&mut state, frame.payload.len());
                } else {
                    state.input.extend(&frame.payload);
                }
            }
            Kind::End => state.ended = true,
            Kind::Credit => state.ours.add(frame.granted().unwrap_or(0)),
            Kind::Message => {
                let watcher = state.watcher.clone();
                drop(state);
                // A note of a later version is none that we can heed.
                if let (Ok(note), Some(watcher)) = (serde_json::from_slice(&frame.payload), watcher)
                {
                    watcher.note(note);
                }
                return true;
            }
            Kind::Close => {
                drop(state);
                self.hang_up();
                return true;
            }
        }
        self.changed.notify_all();
        true
    }

    /// The host is gone: reads and writes fail from now on.
    pub(crate) fn hang_up(&self) {
        let mut state = self.lock();
        state.gone = true;
        let watcher = state.watcher.take();
        drop(state);
        self.changed.notify_all();
        if let Some(watcher) = watcher {
            watcher.gone();
        }
    }

    /// Drops the input that has come and that will.
    pub(crate) fn stop_reading(&self) {
        let mut state = self.lock();
        state.unread = true;
        let dropped = state.input.len();
        state.input.clear();
        self.consumed(&mut state, dropped);
        self.changed.notify_all();
    }

    /// Sends data as the host grants credit for it.
    ///
    /// # Errors
    /// The host is gone.
    pub(crate) fn send(&self, kind: Kind, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let mut state = self.lock();
            while state.ours.is_spent() && !state.gone {
                state = self.wait(state);
            }
            if state.gone {
                return Err(io::ErrorKind::BrokenPipe.into());
            }
            let allowed = state.ours.spend(bytes.len().min(CHUNK));
            drop(state);
            let (piece, rest) = bytes.split_at(allowed);
            self.push(data(self.number, kind, piece))?;
            bytes = rest;
        }
        Ok(())
    }

    /// Says that no more data comes.
    ///
    /// # Errors
    /// The host is gone.
    pub(crate) fn end(&self) -> io::Result<()> {
        self.push(end(self.number))
    }

    /// Sends a reply. A host that is gone has no use for it.
    pub(crate) fn reply(&self, reply: &Reply) {
        // Ours are short: no message that a person reads comes near the limit.
        if let Ok(frame) = message(self.number, reply) {
            let _ = self.push(frame);
        }
    }

    /// Says that the stream is over.
    pub(crate) fn close(&self) {
        let _ = self.push(close(self.number));
    }

    fn push(&self, frames: Vec<u8>) -> io::Result<()> {
        match self.outbox.push(self.session, frames) {
            true => Ok(()),
            false => Err(io::ErrorKind::BrokenPipe.into()),
        }
    }

    fn receive(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.lock();
        while state.input.is_empty() && !state.ended && !state.gone && !state.unread {
            state = self.wait(state);
        }
        if state.gone {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let count = state.input.read(buffer)?;
        self.consumed(&mut state, count);
        Ok(count)
    }

    /// Grants what was consumed, when it is worth a frame.
    fn consumed(&self, state: &mut State, bytes: usize) {
        if let Some(grant) = state.granted.consume(bytes) {
            state.theirs.add(grant);
            let _ = self.push(credit(self.number, grant)); // a session that is over needs none
        }
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed
            .wait(state)
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The stream's input.
impl Read for &Stream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.receive(buffer)
    }
}

/// The stream's output, as [`Kind::Data`].
impl Write for &Stream {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        self.send(Kind::Data, buffer)?;
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
