//! Frames: a header of twelve bytes and a payload.

use std::fmt;

use memchr::memmem;
use serde::Serialize;

use crate::hello::MAGIC;

/// Length of a header in bytes.
pub const HEADER_LENGTH: usize = 12;

/// The longest payload in bytes: a command line has room in it. Below 2^24, so that a header begins with a zero byte.
pub const PAYLOAD_LIMIT: usize = 256 << 10;

/// Bytes of data in a frame at most: what the guest's driver sends at once (`port_fops_write` of Linux's
/// `drivers/char/virtio_console.c` takes 32 KiB), with the header.
pub const CHUNK: usize = (32 << 10) - HEADER_LENGTH;

/// The kind of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A [`crate::Request`] or a [`crate::Note`] from the host, a [`crate::Reply`] from the agent, as JSON.
    Message = 1,
    /// Standard input to the guest, standard output or the bytes of a copy.
    Data = 2,
    /// Standard error.
    ErrorData = 3,
    /// No more data comes from this side.
    End = 4,
    /// The other side may send so many more bytes of data: four bytes.
    Credit = 5,
    /// The stream has ended.
    Close = 6,
}

/// A frame as it was received.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Its stream.
    pub stream: u32,
    /// Its kind.
    pub kind: Kind,
    /// Its payload.
    pub payload: Vec<u8>,
}

/// A message does not fit into a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong {
    /// Its length in bytes.
    pub length: usize,
}

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "a message of {} bytes, more than the {PAYLOAD_LIMIT} that a frame takes",
            self.length
        )
    }
}

impl std::error::Error for TooLong {}

impl Kind {
    fn of(byte: u8) -> Option<Self> {
        Some(match byte {
            1 => Kind::Message,
            2 => Kind::Data,
            3 => Kind::ErrorData,
            4 => Kind::End,
            5 => Kind::Credit,
            6 => Kind::Close,
            _ => return None,
        })
    }
}

impl Frame {
    /// The bytes of this frame with another stream's number.
    ///
    /// The payload is one that was received, so it holds no magic and needs no cutting.
    pub fn relayed(&self, stream: u32) -> Vec<u8> {
        let mut out = Vec::with_capacity(HEADER_LENGTH + self.payload.len());
        push(&mut out, stream, self.kind, &self.payload);
        out
    }

    /// The credit that a frame of [`Kind::Credit`] grants.
    pub fn granted(&self) -> Option<u32> {
        let bytes = self.payload.as_slice().try_into().ok()?;
        (self.kind == Kind::Credit).then(|| u32::from_be_bytes(bytes))
    }

    /// The bytes of flow-controlled data in this frame.
    pub fn data_length(&self) -> usize {
        match self.kind {
            Kind::Data | Kind::ErrorData => self.payload.len(),
            _ => 0,
        }
    }
}

/// A frame with a message.
///
/// # Errors
/// It is too long for a frame.
pub fn message(stream: u32, message: &impl Serialize) -> Result<Vec<u8>, TooLong> {
    // The types of this crate have string keys only, so that they always serialise.
    let json = serde_json::to_vec(message).unwrap_or_default();
    if json.len() > PAYLOAD_LIMIT {
        return Err(TooLong { length: json.len() });
    }
    let mut out = Vec::with_capacity(HEADER_LENGTH + json.len());
    push(&mut out, stream, Kind::Message, &json);
    Ok(out)
}

/// Frames with data of `kind`, as many as it takes: long data is cut, and so is what holds the magic.
pub fn data(stream: u32, kind: Kind, mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_LENGTH + bytes.len());
    while !bytes.is_empty() {
        let mut length = bytes.len().min(CHUNK);
        if let Some(at) = memmem::find(&bytes[..length], &MAGIC) {
            length = at + MAGIC.len() / 2;
        }
        let (piece, rest) = bytes.split_at(length);
        push(&mut out, stream, kind, piece);
        bytes = rest;
    }
    out
}

/// The frame that says that no more data comes.
pub fn end(stream: u32) -> Vec<u8> {
    empty(stream, Kind::End)
}

/// The frame that closes a stream.
pub fn close(stream: u32) -> Vec<u8> {
    empty(stream, Kind::Close)
}

/// The frame that grants `bytes` more.
pub fn credit(stream: u32, bytes: u32) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_LENGTH + 4);
    push(&mut out, stream, Kind::Credit, &bytes.to_be_bytes());
    out
}

fn empty(stream: u32, kind: Kind) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_LENGTH);
    push(&mut out, stream, kind, &[]);
    out
}

fn push(out: &mut Vec<u8>, stream: u32, kind: Kind, payload: &[u8]) {
    debug_assert!(payload.len() <= PAYLOAD_LIMIT);
    out.extend((payload.len() as u32).to_be_bytes());
    out.extend(stream.to_be_bytes());
    out.extend([kind as u8, 0, 0, 0]);
    out.extend(payload);
}

/// A header's payload length, stream and kind; `None` for other bytes.
pub(crate) fn header(bytes: &[u8; HEADER_LENGTH]) -> Option<(usize, u32, Kind)> {
    let number =
        |at: usize| u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]]);
    let length = usize::try_from(number(0)).ok()?;
    let kind = Kind::of(bytes[8])?;
    let fits = match kind {
        Kind::Message | Kind::Data | Kind::ErrorData => length <= PAYLOAD_LIMIT,
        Kind::End | Kind::Close => length == 0,
        Kind::Credit => length == 4,
    };
    (fits && bytes[9..] == [0, 0, 0]).then_some((length, number(4), kind))
}
