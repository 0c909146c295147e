//! Decodes bytes, in pieces of any size, into greetings and frames.

use std::fmt;

use memchr::memmem;

use crate::frame::{self, Frame, HEADER_LENGTH};
use crate::hello::{HELLO_LENGTH, Hello, MAGIC};

/// A greeting, a frame or noise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// A greeting: all that came before it is void, an unfinished frame as well.
    Hello(Hello),
    /// A frame.
    Frame(Frame),
    /// Bytes that are neither; nothing is understood until the next greeting.
    Garbled(Garbled),
}

/// Bytes that are not a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Garbled {
    /// At the place of a header.
    pub bytes: [u8; HEADER_LENGTH],
}

impl fmt::Display for Garbled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "bytes that are no frame: {:02x?}", self.bytes)
    }
}

impl std::error::Error for Garbled {}

/// Reads greetings and frames from bytes. Before the first greeting everything is skipped.
///
/// A frame that was cut off may take up to fifteen bytes of the greeting behind it for its own last ones and be reported
/// so, if these have arrived without the rest of the greeting: what it says is void a moment later, and the greeting is
/// found all the same.
#[derive(Debug)]
pub struct Decoder {
    buffer: Vec<u8>,
    /// Bytes at the start of the buffer that are done with.
    start: usize,
    /// Up to here the bytes may be a greeting's magic.
    unsearched: usize,
    /// At the next magic.
    magic: Option<usize>,
    state: State,
}

#[derive(Clone, Copy, Debug)]
enum State {
    /// Waiting for a magic.
    Lost,
    /// At a magic.
    Greeting,
    /// At a frame.
    Framed,
}

impl Default for Decoder {
    fn default() -> Self {
        Self::new()
    }
}

impl Decoder {
    /// One that waits for a greeting.
    pub fn new() -> Self {
        Self {
            buffer: Vec::new(),
            start: 0,
            unsearched: 0,
            magic: None,
            state: State::Lost,
        }
    }

    /// Takes bytes. Take all events before more bytes, so that no more is kept than one frame.
    pub fn feed(&mut self, bytes: &[u8]) {
        // A magic may begin in bytes that were taken for a frame.
        let done = self.start.min(self.magic.unwrap_or(self.unsearched));
        self.buffer.drain(..done);
        self.unsearched -= done;
        self.magic = self.magic.map(|at| at - done);
        self.start -= done;
        self.buffer.extend_from_slice(bytes);
    }

    /// The next event, if the bytes suffice for one.
    #[expect(clippy::should_implement_trait, reason = "after `None` more may come")]
    pub fn next(&mut self) -> Option<Event> {
        loop {
            let magic = self.search();
            match self.state {
                State::Lost => match magic {
                    Some(at) => self.greet(at),
                    None => {
                        // The end may be the beginning of a magic.
                        let kept = self.buffer.len().saturating_sub(MAGIC.len() - 1);
                        self.start = self.start.max(kept);
                        return None;
                    }
                },
                State::Greeting => {
                    if let Some(at) = magic.filter(|at| *at < self.start + HELLO_LENGTH) {
                        self.greet(at); // the peer died in the middle of its greeting
                        continue;
                    }
                    let hello = self.buffer[self.start..].first_chunk::<HELLO_LENGTH>()?;
                    let hello = Hello::decode(hello);
                    self.start += HELLO_LENGTH;
                    match hello {
                        Some(hello) => {
                            self.state = State::Framed;
                            return Some(Event::Hello(hello));
                        }
                        None => self.state = State::Lost,
                    }
                }
                State::Framed => {
                    if let Some(at) = magic.filter(|at| *at < self.start) {
                        self.greet(at);
                        continue;
                    }
                    let end = magic.unwrap_or(self.buffer.len());
                    let bytes = &self.buffer[self.start..end];
                    let Some(header) = bytes.first_chunk::<HEADER_LENGTH>() else {
                        self.greet(magic?);
                        continue;
                    };
                    let Some((length, stream, kind)) = frame::header(header) else {
                        self.state = State::Lost;
                        return Some(Event::Garbled(Garbled { bytes: *header }));
                    };
                    let Some(payload) = bytes.get(HEADER_LENGTH..HEADER_LENGTH + length) else {
                        self.greet(magic?);
                        continue;
                    };
                    let payload = payload.to_vec();
                    self.start += HEADER_LENGTH + length;
                    return Some(Event::Frame(Frame {
                        stream,
                        kind,
                        payload,
                    }));
                }
            }
        }
    }

    /// The beginning of the next magic.
    fn search(&mut self) -> Option<usize> {
        if self.magic.is_none() {
            let from = self.unsearched;
            self.magic = memmem::find(&self.buffer[from..], &MAGIC).map(|at| from + at);
            self.unsearched = match self.magic {
                Some(at) => at + MAGIC.len(),
                None => from.max((self.buffer.len() + 1).saturating_sub(MAGIC.len())),
            };
        }
        self.magic
    }

    /// Goes on at the magic, which is at `at`.
    fn greet(&mut self, at: usize) {
        self.start = at;
        self.magic = None;
        self.state = State::Greeting;
    }
}
