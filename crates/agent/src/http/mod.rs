//! Answers over HTTP: tells whether the guest is well, and opens pages in its desktop.
//!
//! A process of its own (`kindling-agent --http`), of a user that may do nothing else: whoever reaches the port talks to
//! it, while the agent of the launcher's channels is root. systemd listens for it, and so it needs no network itself.
//! Work that needs the desktop's user is passed on: to `kindling-open`, so far.
//!
//! One thread for each connection, one request for each connection, all of it bounded. [`crate::bridge`] serves its port
//! by the same means.

mod clock;
mod guest;
mod health;
mod open_url;
pub(crate) mod request;
pub(crate) mod response;
mod routes;

use std::io::{self, Read};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use request::{Refused, Request};
use response::{Response, Status};

pub use guest::Guest;

/// The time that a request may take to arrive. Ours are one packet.
const ARRIVAL: Duration = Duration::from_secs(10);

/// The time that a client may take to read an answer, and then to close.
const DEPARTURE: Duration = Duration::from_secs(5);

/// More connections at a time than any host of ours opens.
const CONNECTIONS: usize = 64;

/// The stack of a thread that serves a connection, in bytes.
const STACK: usize = 128 << 10;

/// The most that is read of a client that goes on talking after it was answered.
const REST: u64 = 256 << 10;

/// Serves `listener`; returns why it cannot go on.
pub fn serve(listener: &TcpListener, guest: Guest) -> io::Error {
    accept(listener, CONNECTIONS, move |stream| {
        converse(stream, &guest)
    })
}

/// Has each connection served on a thread of its own, at most `most` at a time; returns why it cannot go on.
pub(crate) fn accept(
    listener: &TcpListener,
    most: usize,
    serve: impl Fn(&TcpStream) + Send + Sync + 'static,
) -> io::Error {
    let (serve, open) = (Arc::new(serve), Slots::new(most));
    loop {
        let stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if is_of_one_connection(&error) => continue,
            Err(error) => return error,
        };
        let Some(slot) = open.take() else {
            // Without a thread, and so without waiting for anything: it fits into the socket's buffer.
            let _ = stream.set_nonblocking(true);
            let _ = busy().write(false, &mut &stream);
            continue;
        };
        let serve = Arc::clone(&serve);
        let thread = thread::Builder::new().name("http".into()).stack_size(STACK);
        let spawned = thread.spawn(move || {
            let _slot = slot;
            serve(&stream);
        });
        drop(spawned); // without room for a thread the connection closes, which the client sees
    }
}

/// One connection, from the request to its end.
fn converse(stream: &TcpStream, guest: &Guest) {
    let (response, head_only) = match read(stream) {
        Ok(request) => (routes::answer(&request, guest), request.method == "HEAD"),
        Err(Refused::Gone) => return,
        Err(refused) => (refusal(refused), false),
    };
    answer(stream, |stream| response.write(head_only, stream));
}

/// Reads the request of a connection, as long as one may take to arrive.
pub(crate) fn read(stream: &TcpStream) -> Result<Request, Refused> {
    let until = Instant::now() + ARRIVAL;
    request::read(&mut Timed { stream, until }, &mut &*stream)
}

/// Has an answer written, and ends the connection when the client has it.
pub(crate) fn answer(stream: &TcpStream, write: impl FnOnce(&mut &TcpStream) -> io::Result<()>) {
    let _ = stream.set_write_timeout(Some(DEPARTURE));
    if write(&mut &*stream).is_err() {
        return; // it has gone
    }
    // Closed with bytes that nobody has read, a connection is reset, and the answer may be lost with it.
    let _ = stream.shutdown(Shutdown::Write);
    let until = Instant::now() + DEPARTURE;
    let mut rest = Timed { stream, until }.take(REST);
    let _ = io::copy(&mut rest, &mut io::sink());
}

pub(crate) fn refusal(refused: Refused) -> Response {
    let (status, message) = match refused {
        Refused::Malformed(message) => (Status::BadRequest, message),
        Refused::HeadTooLong => (
            Status::RequestHeaderFieldsTooLarge,
            "the headers are too long",
        ),
        Refused::BodyTooLong => (Status::ContentTooLarge, "the body is too long"),
        Refused::NoLength => (
            Status::LengthRequired,
            "the body comes without Content-Length",
        ),
        Refused::TooSlow => (Status::RequestTimeout, "the request did not arrive in time"),
        Refused::Gone => (Status::BadRequest, "the request has no end"),
    };
    Response::error(status, message)
}

fn busy() -> Response {
    Response::error(
        Status::ServiceUnavailable,
        "too much is asked for at a time",
    )
}

/// Whether a failure to accept is of one connection and not of the listener (accept(2), ERRORS).
fn is_of_one_connection(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    matches!(
        error.kind(),
        ConnectionAborted | ConnectionReset | Interrupted
    )
}

/// A connection that is read until a moment.
struct Timed<'a> {
    stream: &'a TcpStream,
    until: Instant,
}

impl Read for Timed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        self.stream.set_read_timeout(Some(left))?;
        self.stream.read(buffer)
    }
}

/// A number of places, each taken until its guard is dropped.
#[derive(Clone, Debug)]
struct Slots(Arc<AtomicUsize>);

struct Slot(Arc<AtomicUsize>);

impl Slots {
    fn new(count: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(count)))
    }

    fn take(&self) -> Option<Slot> {
        let less = |free: usize| free.checked_sub(1);
        let taken = self
            .0
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, less);
        taken.is_ok().then(|| Slot(Arc::clone(&self.0)))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// The answer of a served guest to some bytes.
    fn ask(port: u16, bytes: &[u8]) -> String {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let _ = stream.write_all(bytes); // it may be refused before all of it is sent
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        answer
    }

    fn start() -> u16 {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let guest = Guest::new("cafe".into(), "/nonexistent".into());
        thread::spawn(move || serve(&listener, guest));
        port
    }

    #[test]
    fn requests_are_served_one_beside_another() {
        let port = start();
        let idle = TcpStream::connect(("127.0.0.1", port)).unwrap();
        let answer = ask(port, b"GET /health HTTP/1.1\r\nHost: g\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("\"image\":\"cafe\""), "{answer}");
        let head = ask(port, b"HEAD /health HTTP/1.1\r\nHost: g\r\n\r\n");
        assert!(
            head.starts_with("HTTP/1.1 200 OK\r\n") && head.ends_with("\r\n\r\n"),
            "{head}"
        );
        drop(idle);
    }

    #[test]
    fn a_body_that_is_too_long_is_answered_all_the_same() {
        let mut bytes =
            b"POST /open-url HTTP/1.1\r\nHost: g\r\nContent-Length: 200000\r\n\r\n".to_vec();
        bytes.resize(200_000, b' ');
        let answer = ask(start(), &bytes);
        assert!(
            answer.starts_with("HTTP/1.1 413 Content Too Large\r\n"),
            "{answer}"
        );
    }

    #[test]
    fn more_connections_than_there_are_places_are_turned_away() {
        let port = start();
        let connect = |_| TcpStream::connect(("127.0.0.1", port)).unwrap();
        let held: Vec<TcpStream> = (0..CONNECTIONS).map(connect).collect();
        let answer = ask(port, b"");
        assert!(
            answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"),
            "{answer}"
        );
        drop(held);
    }

    #[test]
    fn places_are_given_back() {
        let slots = Slots::new(1);
        let slot = slots.take();
        assert!(slot.is_some() && slots.take().is_none());
        drop(slot);
        assert!(slots.take().is_some());
    }
}
