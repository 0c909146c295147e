//! The supervisor's end of the channel: many streams over one connection.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use kindling_base::{Error, Result};
use kindling_protocol::{Decoder, Event, Frame, Hello, Incompatible, Kind, Role, close};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot, watch};

/// A connection to the agent.
pub(crate) trait Channel: AsyncRead + AsyncWrite + Send + Unpin + 'static {}
impl<T: AsyncRead + AsyncWrite + Send + Unpin + 'static> Channel for T {}

/// Frames that wait to be written; a client that sends more waits.
const QUEUE: usize = 64;

/// The state of the connection to the agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Link {
    /// It has not answered our greeting yet.
    Down,
    /// It has, and speaks this version.
    Up(u16),
    /// It has, and speaks no version of ours.
    Incompatible(Incompatible),
}

/// The agent of a running guest.
#[derive(Clone, Debug)]
pub(crate) struct Agent {
    commands: mpsc::UnboundedSender<Command>,
    out: mpsc::Sender<(u64, Vec<u8>)>,
    link: watch::Receiver<Link>,
}

#[derive(Debug)]
enum Command {
    Open(mpsc::UnboundedSender<Frame>, oneshot::Sender<(u32, u64)>),
    /// Nobody is interested in that stream of that session any more.
    Forget(u32, u64),
    Greet,
}

/// A stream of ours; closed when it is dropped.
#[derive(Debug)]
pub(crate) struct Stream {
    number: u32,
    session: u64,
    agent: Agent,
    frames: mpsc::UnboundedReceiver<Frame>,
}

/// Greets the agent behind `channel` and follows it until the channel ends.
pub(crate) fn start(channel: impl Channel) -> Agent {
    let (commands, asked) = mpsc::unbounded_channel();
    let (out, queue) = mpsc::channel(QUEUE);
    let (tell, link) = watch::channel(Link::Down);
    let (reader, writer) = tokio::io::split(channel);
    let current = Arc::new(AtomicU64::new(0));
    tokio::spawn(write(writer, queue, Arc::clone(&current)));
    let mux = Mux {
        out: out.clone(),
        link: tell,
        current,
        session: 0,
        streams: HashMap::new(),
        last: 0,
    };
    tokio::spawn(mux.run(reader, asked));
    Agent {
        commands,
        out,
        link,
    }
}

async fn write(
    mut writer: impl AsyncWrite + Unpin,
    mut queue: mpsc::Receiver<(u64, Vec<u8>)>,
    current: Arc<AtomicU64>,
) {
    while let Some((session, bytes)) = queue.recv().await {
        // Frames of an earlier session mean nothing to the agent of this one.
        if session == current.load(Ordering::Relaxed) && writer.write_all(&bytes).await.is_err() {
            return; // the reader learns of it too
        }
    }
}

struct Mux {
    out: mpsc::Sender<(u64, Vec<u8>)>,
    link: watch::Sender<Link>,
    current: Arc<AtomicU64>,
    session: u128,
    streams: HashMap<u32, mpsc::UnboundedSender<Frame>>,
    last: u32,
}

impl Mux {
    async fn run(
        mut self,
        mut reader: impl AsyncRead + Unpin,
        mut asked: mpsc::UnboundedReceiver<Command>,
    ) {
        let mut decoder = Decoder::new();
        let mut buffer = vec![0; 64 << 10];
        self.greet().await;
        loop {
            tokio::select! {
                read = reader.read(&mut buffer) => match read {
                    Ok(0) | Err(_) => break,
                    Ok(count) => {
                        decoder.feed(&buffer[..count]);
                        while let Some(event) = decoder.next() {
                            self.take(event).await;
                        }
                    }
                },
                command = asked.recv() => match command {
                    Some(Command::Open(frames, opened)) if matches!(*self.link.borrow(), Link::Up(_)) => {
                        self.last += 1;
                        self.streams.insert(self.last, frames);
                        let _ = opened.send((self.last, self.number())); // who asked may have gone
                    }
                    Some(Command::Open(..)) => {}
                    Some(Command::Forget(stream, session)) => {
                        if session == self.number() && self.streams.remove(&stream).is_some() {
                            let _ = self.out.send((session, close(stream))).await;
                        }
                    }
                    Some(Command::Greet) => self.greet().await,
                    None => break,
                },
            }
        }
        let _ = self.link.send(Link::Down);
    }

    fn number(&self) -> u64 {
        self.current.load(Ordering::Relaxed)
    }

    /// Begins a session: what was before is void.
    async fn greet(&mut self) {
        self.streams.clear();
        self.link.send_replace(Link::Down);
        // From the kernel, which has randomness; zero is what a new agent says.
        let mut bytes = [0; 16];
        let random = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
        self.session = u128::from_ne_bytes(bytes).max(1);
        if random.is_err() {
            self.session = u128::from(self.number()) + 1;
        }
        let number = self.current.fetch_add(1, Ordering::Relaxed) + 1;
        let hello = Hello::new(Role::Host, self.session).encode().to_vec();
        let _ = self.out.send((number, hello)).await;
    }

    async fn take(&mut self, event: Event) {
        match event {
            Event::Hello(hello) if hello.role == Role::Agent && hello.session == self.session => {
                self.link.send_replace(match hello.version() {
                    Ok(version) => Link::Up(version),
                    Err(incompatible) => Link::Incompatible(incompatible),
                });
            }
            // It has just started, or has lost the thread.
            Event::Hello(hello) if hello.role == Role::Agent && hello.session == 0 => {
                self.greet().await
            }
            Event::Hello(_) => {} // an answer to an earlier greeting of ours
            Event::Garbled(_) => self.greet().await,
            Event::Frame(_) if *self.link.borrow() == Link::Down => {} // of an earlier session
            Event::Frame(frame) => {
                let (number, last) = (frame.stream, frame.kind == Kind::Close);
                let gone = self
                    .streams
                    .get(&number)
                    .is_some_and(|stream| stream.send(frame).is_err());
                if last {
                    self.streams.remove(&number);
                } else if gone && self.streams.remove(&number).is_some() {
                    let _ = self.out.send((self.number(), close(number))).await;
                }
            }
        }
    }
}

impl Agent {
    /// Whether it has answered.
    pub(crate) fn is_up(&self) -> bool {
        matches!(*self.link.borrow(), Link::Up(_))
    }

    /// Begins a new session, as after a restore: what was before is void.
    #[allow(dead_code, reason = "for resumed machines")]
    pub(crate) fn greet(&self) {
        let _ = self.commands.send(Command::Greet);
    }

    /// Waits until it has answered.
    ///
    /// # Errors
    /// The channel has ended.
    pub(crate) async fn answered(&self) -> Result<Link> {
        let mut link = self.link.clone();
        let found = link.wait_for(|link| *link != Link::Down).await;
        found
            .map(|link| *link)
            .map_err(|_| Error::external("the channel to the guest's agent has ended"))
    }

    /// Opens a stream; waits until the agent is there.
    ///
    /// # Errors
    /// It speaks no version of ours, or the channel has ended.
    pub(crate) async fn open(&self) -> Result<Stream> {
        loop {
            if let Link::Incompatible(why) = self.answered().await? {
                return Err(Error::user(
                    "the guest's agent and this kindling do not understand each other",
                )
                .because(why));
            }
            let (sender, frames) = mpsc::unbounded_channel();
            let (tell, opened) = oneshot::channel();
            let _ = self.commands.send(Command::Open(sender, tell));
            if let Ok((number, session)) = opened.await {
                return Ok(Stream {
                    number,
                    session,
                    agent: self.clone(),
                    frames,
                });
            }
        }
    }
}

impl Stream {
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Sends frames.
    ///
    /// # Errors
    /// The channel has ended.
    pub(crate) async fn send(&self, frames: Vec<u8>) -> Result<()> {
        let sent = self.agent.out.send((self.session, frames)).await;
        sent.map_err(|_| Error::external("the channel to the guest's agent has ended"))
    }

    /// The next frame; `None` if the agent is gone.
    pub(crate) async fn next(&mut self) -> Option<Frame> {
        self.frames.recv().await
    }

    /// The sender of frames on this stream, and the session that they belong to.
    pub(crate) fn sender(&self) -> (mpsc::Sender<(u64, Vec<u8>)>, u64) {
        (self.agent.out.clone(), self.session)
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        let _ = self
            .agent
            .commands
            .send(Command::Forget(self.number, self.session));
    }
}
