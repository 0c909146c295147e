//! Bytes between a viewer's WebSocket and the VNC server, until one of them goes.
//!
//! One thread and poll(2). Each side is read only when the other has taken what was read before, so that a viewer who does
//! not keep up slows the server down instead of filling memory.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::net::sockopt;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tungstenite::{Error, Message, WebSocket};

/// Bytes of the server that become one frame at most.
const PIECE: usize = 64 << 10;
/// The longest message of a viewer: keys and pointers are a few bytes, a clipboard some more.
const LONGEST: usize = 1 << 20;
/// Turns for one side before the other has its own.
const TURNS: usize = 16;
/// The time that a viewer may take to answer a goodbye.
const GOODBYE: Duration = Duration::from_secs(2);
/// A side that is silent for so long is asked whether it is there, by TCP.
const SILENCE: Duration = Duration::from_secs(60);

/// A viewer and its server.
struct Pump {
    viewer: WebSocket<TcpStream>,
    server: TcpStream,
    /// Bytes for the server; those from `sent` on it has not taken yet.
    message: Vec<u8>,
    sent: usize,
    /// Whether frames wait for the viewer to take them.
    owes: bool,
    buffer: Vec<u8>,
}

/// The reason for the end.
enum End {
    /// The viewer is gone or has said goodbye.
    Viewer,
    /// To be said to the viewer.
    Close(CloseCode, &'static str),
}

/// Pumps until one side goes; the viewer hears why, where that is not its own doing.
pub(super) fn run(viewer: TcpStream, server: TcpStream) {
    let prepared = prepare(&viewer).and_then(|()| prepare(&server));
    if prepared.is_err() {
        return;
    }
    let config = WebSocketConfig::default()
        .max_message_size(Some(LONGEST))
        .max_frame_size(Some(LONGEST))
        .write_buffer_size(0)
        .max_write_buffer_size(4 * PIECE);
    let mut pump = Pump {
        viewer: WebSocket::from_raw_socket(viewer, Role::Server, Some(config)),
        server,
        message: Vec::new(),
        sent: 0,
        owes: false,
        buffer: vec![0; PIECE],
    };
    if let End::Close(code, reason) = pump.run() {
        pump.close(code, reason);
    }
}

/// No thread waits in a read or a write, keys are sent at once, and a peer that vanished is noticed.
fn prepare(stream: &TcpStream) -> io::Result<()> {
    stream.set_nonblocking(true)?;
    stream.set_nodelay(true)?;
    sockopt::set_socket_keepalive(stream, true)?;
    sockopt::set_tcp_keepidle(stream, SILENCE)?;
    Ok(())
}

impl Pump {
    fn run(&mut self) -> End {
        loop {
            let turns = self
                .feed_server()
                .and_then(|more| Ok((more, self.feed_viewer()?)));
            match turns {
                Ok((false, false)) => {
                    if self.wait().is_err() {
                        return End::Viewer;
                    }
                }
                Ok(_) => {}
                Err(end) => return end,
            }
        }
    }

    /// Hands on what the viewer says, as far as the server takes it. Returns whether there may be more at once.
    fn feed_server(&mut self) -> Result<bool, End> {
        for _ in 0..TURNS {
            while self.sent < self.message.len() {
                match self.server.write(&self.message[self.sent..]) {
                    Ok(count) => self.sent += count,
                    Err(error) if waits(&error) => return Ok(false),
                    Err(_) => return Err(gone()),
                }
            }
            match self.viewer.read() {
                Ok(Message::Binary(bytes)) => (self.message, self.sent) = (bytes.into(), 0),
                Ok(Message::Text(_)) => {
                    return Err(End::Close(CloseCode::Unsupported, "VNC is binary"));
                }
                Ok(Message::Close(_)) => {
                    let _ = self.viewer.flush(); // the answer, which is queued
                    return Err(End::Viewer);
                }
                Ok(_) => self.owes = true, // a ping, whose answer is queued
                Err(Error::Io(error)) if waits(&error) => return Ok(false),
                Err(Error::Capacity(_)) => {
                    return Err(End::Close(CloseCode::Size, "the message is too long"));
                }
                Err(Error::Protocol(_)) => {
                    return Err(End::Close(CloseCode::Protocol, "this is no WebSocket"));
                }
                Err(_) => return Err(End::Viewer),
            }
        }
        Ok(true)
    }

    /// Hands on what the server says, as far as the viewer takes it. Returns whether there may be more at once.
    fn feed_viewer(&mut self) -> Result<bool, End> {
        for _ in 0..TURNS {
            if self.owes {
                match self.viewer.flush() {
                    Ok(()) => self.owes = false,
                    Err(Error::Io(error)) if waits(&error) => return Ok(false),
                    Err(_) => return Err(End::Viewer),
                }
            }
            let count = match self.server.read(&mut self.buffer) {
                Ok(0) => return Err(gone()),
                Ok(count) => count,
                Err(error) if waits(&error) => return Ok(false),
                Err(_) => return Err(gone()),
            };
            let bytes = self.buffer[..count].to_vec();
            match self.viewer.write(Message::Binary(bytes.into())) {
                Ok(()) => self.owes = true,
                Err(Error::Io(error)) if waits(&error) => self.owes = true, // it is queued
                Err(_) => return Err(End::Viewer),
            }
        }
        Ok(true)
    }

    /// Waits until a side can go on. A side that nothing is wanted of is left out: if it is gone, that would be told again
    /// and again.
    fn wait(&self) -> io::Result<()> {
        let blocked = self.sent < self.message.len();
        let flags = |read: bool, write: bool| {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN, read);
            flags.set(PollFlags::OUT, write);
            flags
        };
        let sides = [
            (self.viewer.get_ref(), flags(!blocked, self.owes)),
            (&self.server, flags(!self.owes, blocked)),
        ];
        let wanted = sides.iter().filter(|(_, flags)| !flags.is_empty());
        let mut wanted: Vec<PollFd<'_>> = wanted
            .map(|(stream, flags)| PollFd::new(*stream, *flags))
            .collect();
        match poll(&mut wanted, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Says goodbye, and waits a moment for the answer, without which the viewer would see a broken connection.
    fn close(&mut self, code: CloseCode, reason: &'static str) {
        let reason = reason.into();
        let _ = self.viewer.close(Some(CloseFrame { code, reason }));
        let until = Instant::now() + GOODBYE;
        (self.owes, self.sent) = (true, self.message.len());
        while Instant::now() < until {
            match self.viewer.flush() {
                Ok(()) => self.owes = false,
                Err(Error::Io(error)) if waits(&error) => {}
                Err(_) => return,
            }
            match self.viewer.read() {
                Ok(_) => continue,
                Err(Error::Io(error)) if waits(&error) => {}
                Err(_) => return, // closed, as it should be
            }
            let side = PollFd::new(self.viewer.get_ref(), PollFlags::IN);
            let left = until.saturating_duration_since(Instant::now());
            let Ok(left) = Timespec::try_from(left) else {
                return;
            };
            let _ = poll(&mut [side], Some(&left));
        }
    }
}

fn gone() -> End {
    End::Close(CloseCode::Away, "the VNC server has gone")
}

fn waits(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}
