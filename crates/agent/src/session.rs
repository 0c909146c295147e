//! One channel to the host, from its first byte to its end.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

use kindling_protocol::{
    Decoder, Event, Failure, Frame, Hello, Kind, Problem, Reply, Request, Role, close,
};

use crate::outbox::Outbox;
use crate::stream::Stream;
use crate::{exec, files, personalise, power};

/// Bytes read at a time.
const BUFFER: usize = 32 << 10;

/// The stack of a thread that serves a stream, in bytes. What it takes most for is reading a message.
const STACK: usize = 256 << 10;

/// More streams at a time than any host of ours opens; each may hold a window of bytes.
const STREAMS: usize = 256;

/// The side that greets first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Greeting {
    /// The host, as soon as it is connected: a connection of its own for this.
    Expected,
    /// We ask for it: the host may be in the middle of a session with an earlier agent.
    Asked,
}

type Streams = Arc<Mutex<HashMap<u32, Arc<Stream>>>>;

/// Serves the host over a channel until that ends; `Ok` if the host closed it. All that runs for the host then ends.
///
/// # Errors
/// The channel cannot be read.
pub fn serve(
    reader: &mut dyn Read,
    mut writer: impl Write + Send + 'static,
    greeting: Greeting,
) -> io::Result<()> {
    let outbox = Arc::new(Outbox::default());
    if greeting == Greeting::Asked {
        outbox.restart(&Hello::new(Role::Agent, 0).encode());
    }
    let writing = {
        let outbox = Arc::clone(&outbox);
        thread::Builder::new()
            .name("writer".into())
            .stack_size(STACK)
            .spawn(move || {
                // A channel that takes nothing gives nothing either, which the reader learns.
                let _ = outbox.write_to(&mut writer);
                outbox.close();
            })?
    };
    let mut session = Session {
        outbox: Arc::clone(&outbox),
        streams: Streams::default(),
        number: None,
    };
    let result = session.read(reader);
    session.end();
    outbox.close();
    let _ = writing.join(); // it cannot have panicked: that ends the process
    result
}

struct Session {
    outbox: Arc<Outbox>,
    streams: Streams,
    /// The outbox's number of the session; `None` before the greeting, or without a common version.
    number: Option<u64>,
}

impl Session {
    fn read(&mut self, reader: &mut dyn Read) -> io::Result<()> {
        let mut decoder = Decoder::new();
        let mut buffer = vec![0; BUFFER];
        loop {
            let count = match reader.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            };
            decoder.feed(&buffer[..count]);
            while let Some(event) = decoder.next() {
                match event {
                    Event::Hello(hello) if hello.role == Role::Host => self.greeted(&hello),
                    Event::Hello(_) => {}
                    Event::Garbled(_) => {
                        self.end();
                        self.number = None;
                        self.outbox.restart(&Hello::new(Role::Agent, 0).encode());
                    }
                    Event::Frame(frame) => self.frame(&frame),
                }
            }
        }
    }

    /// Begins a session: what was before is void.
    fn greeted(&mut self, hello: &Hello) {
        self.end();
        let answer = Hello::new(Role::Agent, hello.session);
        let number = self.outbox.restart(&answer.encode());
        self.number = hello.version().is_ok().then_some(number);
    }

    /// Ends every stream.
    fn end(&mut self) {
        let streams = std::mem::take(&mut *lock(&self.streams));
        for stream in streams.into_values() {
            stream.hang_up();
        }
    }

    fn frame(&mut self, frame: &Frame) {
        let Some(number) = self.number else {
            return;
        };
        let stream = lock(&self.streams).get(&frame.stream).cloned();
        if let Some(stream) = stream {
            let well = stream.take(frame);
            if !well || frame.kind == Kind::Close {
                lock(&self.streams).remove(&frame.stream);
            }
            if !well {
                stream.hang_up();
                self.outbox.push(number, close(frame.stream));
            }
        } else if frame.kind == Kind::Message {
            self.open(frame, number);
        } // else it crossed our closing of that stream
    }

    fn open(&mut self, frame: &Frame, number: u64) {
        let stream = Arc::new(Stream::new(frame.stream, number, Arc::clone(&self.outbox)));
        let refuse = |problem, message: String| {
            stream.reply(&Reply::Failed(Failure { problem, message }));
            stream.close();
        };
        let request = match serde_json::from_slice::<Request>(&frame.payload) {
            Ok(request) => request,
            Err(error) => {
                return refuse(
                    Problem::NotUnderstood,
                    format!("the agent does not understand the request: {error}"),
                );
            }
        };
        {
            let mut streams = lock(&self.streams);
            if streams.len() >= STREAMS {
                return refuse(
                    Problem::Other,
                    format!("the agent serves {STREAMS} requests already"),
                );
            }
            streams.insert(frame.stream, Arc::clone(&stream));
        }
        let (streams, worker) = (Arc::clone(&self.streams), Arc::clone(&stream));
        let spawned = thread::Builder::new()
            .name("stream".into())
            .stack_size(STACK)
            .spawn(move || {
                let reply = answer(&worker, request);
                // Before the host learns that it is over, and may count on there being room for another.
                forget(&streams, &worker);
                worker.reply(&reply);
                worker.close();
            });
        if let Err(error) = spawned {
            forget(&self.streams, &stream);
            refuse(
                Problem::Other,
                format!("the guest has no room for a thread: {error}"),
            );
        }
    }
}

/// Does what is asked and returns the last reply.
fn answer(stream: &Arc<Stream>, request: Request) -> Reply {
    match request {
        Request::Ping => Reply::Pong {
            agent: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_ms: uptime_ms(),
        },
        Request::Exec(exec) => exec::run(stream, &exec).unwrap_or_else(Reply::Failed),
        Request::Put(put) => files::put(stream, &put).map_or_else(Reply::Failed, |()| Reply::Done),
        Request::Get(get) => files::get(stream, &get).map_or_else(Reply::Failed, |()| Reply::Done),
        Request::Personalise(wanted) => Reply::Personalised(personalise::personalise(&wanted)),
        Request::PowerOff => match power::off() {
            Ok(()) => Reply::Done,
            Err(error) => Reply::Failed(Failure {
                problem: Problem::Other,
                message: format!("cannot power off: {error}"),
            }),
        },
    }
}

fn forget(streams: &Streams, stream: &Arc<Stream>) {
    let mut streams = lock(streams);
    // In a later session this number may be another stream's.
    if streams
        .get(&stream.number())
        .is_some_and(|s| Arc::ptr_eq(s, stream))
    {
        streams.remove(&stream.number());
    }
}

fn lock(streams: &Streams) -> std::sync::MutexGuard<'_, HashMap<u32, Arc<Stream>>> {
    streams.lock().unwrap_or_else(PoisonError::into_inner)
}

fn uptime_ms() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Boottime);
    let millis = now.tv_sec * 1000 + now.tv_nsec / 1_000_000;
    u64::try_from(millis).unwrap_or(0)
}
