//! A client of the supervisor and its one stream.

use std::collections::VecDeque;

use kindling_protocol::{Decoder, Event, Frame, Hello, Role};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::OwnedReadHalf;

use super::mux::{Agent, Link};

impl Agent {
    /// Lets a client that has asked for the agent speak with it, on one stream, until either is done. A client that
    /// goes away ends what it has started.
    pub(crate) async fn relay(self, client: UnixStream) {
        let _ = self.try_relay(client).await; // either end is gone: the other is told by the end of its stream
    }

    async fn try_relay(self, client: UnixStream) -> Option<()> {
        let (reader, mut writer) = client.into_split();
        let mut reader = Reader {
            stream: reader,
            decoder: Decoder::new(),
            events: VecDeque::new(),
        };
        let Event::Hello(hello) = reader.next().await? else {
            return None;
        };
        let link = tokio::select! {
            link = self.answered() => link.ok()?,
            _ = reader.ended() => return None,
        };
        let mut answer = Hello::new(Role::Agent, hello.session);
        (answer.oldest, answer.newest) = match link {
            Link::Up(version) => (version, version),
            Link::Incompatible(why) => why.theirs,
            Link::Down => return None,
        };
        writer.write_all(&answer.encode()).await.ok()?;
        let mut stream = self.open().await.ok()?;
        let (number, (out, session)) = (stream.number(), stream.sender());
        let up = async {
            while let Some(event) = reader.next().await {
                let Event::Frame(frame) = event else { break };
                if out.send((session, frame.relayed(number))).await.is_err() {
                    break;
                }
            }
        };
        let down = async {
            while let Some(frame) = stream.next().await {
                let last = frame.kind == kindling_protocol::Kind::Close;
                let bytes = Frame::relayed(&frame, STREAM);
                if writer.write_all(&bytes).await.is_err() || last {
                    break;
                }
            }
        };
        // Neither waits for the other: each may be slow.
        tokio::select! {
            () = up => {}
            () = down => {}
        }
        Some(())
    }
}

/// The number of a client's one stream.
pub(super) const STREAM: u32 = 1;

/// Greetings and frames from a socket.
pub(super) struct Reader {
    pub(super) stream: OwnedReadHalf,
    pub(super) decoder: Decoder,
    pub(super) events: VecDeque<Event>,
}

impl Reader {
    /// The next event; `None` at the end. Nothing is lost if the future is dropped.
    pub(super) async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            self.fill().await?;
        }
    }

    /// Returns when the other side has closed.
    async fn ended(&mut self) {
        while self.fill().await.is_some() {}
    }

    async fn fill(&mut self) -> Option<()> {
        let mut buffer = vec![0; 64 << 10];
        let count = self
            .stream
            .read(&mut buffer)
            .await
            .ok()
            .filter(|count| *count > 0)?;
        self.decoder.feed(&buffer[..count]);
        self.events
            .extend(std::iter::from_fn(|| self.decoder.next()));
        Some(())
    }
}
