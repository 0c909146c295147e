//! The language of the launcher (on the host) and the agent (in the guest), over any stream of bytes: a virtio-serial
//! port of QEMU, a vsock connection of Firecracker, a pair of sockets in a test. Bytes in, events out; no I/O here but
//! that of [`archive`], which packs the files of a copy.
//!
//! ```text
//! hello   MAGIC(16) session(16) oldest(2) newest(2) role(1) 0 0 0
//! frame   length(4) stream(4) kind(1) 0 0 0 payload(length)          all numbers big-endian
//! ```
//!
//! **A session** begins when the host says [`Hello`] with a random number and the agent answers with the same. Each
//! answers with the range of versions it speaks; the newest that both know is spoken. What came before it is void: that
//! is how both find a fresh start when the channel holds half a frame, because a snapshot was taken in the middle of it
//! or a peer died. So **the magic never occurs anywhere else**: no header can hold a part of it (see [`MAGIC`]), text
//! cannot, and bytes that do are cut in two frames.
//!
//! **A stream** is one [`Request`] and what belongs to it, opened by the host with a number of its choice, which it does
//! not use again in that session. The agent answers with [`Reply`]s, and [`Kind::Close`] is its last frame. A host that
//! closes a stream first is no longer interested: the agent ends what runs there.
//!
//! **Flow control** is by stream and direction: who receives grants credit ([`Kind::Credit`]) as it consumes, beginning
//! with [`WINDOW`], and who sends data spends it. So a stream that nobody reads fills its own window and delays no other.

pub mod archive;
mod credit;
mod decoder;
mod frame;
mod hello;
mod message;
mod personalise;
#[cfg(test)]
mod tests;

pub use credit::{Credit, Granted, WINDOW};
pub use decoder::{Decoder, Event, Garbled};
pub use frame::{
    CHUNK, Frame, HEADER_LENGTH, Kind, PAYLOAD_LIMIT, TooLong, close, credit, data, end, message,
};
pub use hello::{HELLO_LENGTH, Hello, Incompatible, MAGIC, NEWEST, OLDEST, Role};
pub use message::{
    Exec, Exit, Failure, Found, Get, Note, Problem, Put, Reply, Request, Shape, Terminal,
};
pub use personalise::{Address, Item, Outcome, Personalise, Personalised};

/// The vsock port at which the agent listens. Ports below 1024 are for privileged programs (`vsock(7)`).
pub const VSOCK_PORT: u32 = 1024;

/// The name of the virtio-serial port, as `/sys/class/virtio-ports/*/name` shows it.
pub const PORT_NAME: &str = "kindling.agent";
