//! The agent inside the guest: the supervisor's end of its channel ([`Agent`]), and commands that go through it.

mod ask;
mod client;
mod conversation;
mod copy;
mod mux;
mod relay;
mod sending;
#[cfg(test)]
mod tests;
mod vsock;

use std::time::{Duration, Instant};

use kindling_base::{Error, Result};
use kindling_protocol::{Kind, Personalise, Personalised, Reply, Request, message};

pub use ask::{Ping, capture, ping};
pub use client::{Exec, Input, exec};
pub use copy::{Place, copy};
pub(crate) use mux::{Agent, start};
pub(crate) use vsock::over_vsock;

impl Agent {
    /// Asks for something that is answered by one reply.
    ///
    /// # Errors
    /// The agent is not there, goes away, or refuses.
    pub(crate) async fn call(&self, request: &Request) -> Result<Reply> {
        let gone = || Error::external("the guest's agent went away");
        let mut stream = self.open().await?;
        let frame = message(stream.number(), request)
            .map_err(|error| Error::internal("a request to the agent").because(error))?;
        stream.send(frame).await?;
        while let Some(frame) = stream.next().await {
            if frame.kind == Kind::Message {
                return match serde_json::from_slice(&frame.payload) {
                    Ok(Reply::Failed(failure)) => Err(Error::external(failure.message)),
                    Ok(reply) => Ok(reply),
                    Err(error) => {
                        Err(Error::external("cannot understand the agent").because(error))
                    }
                };
            }
        }
        Err(gone())
    }

    /// Waits for an answer of the agent; returns how long it took.
    ///
    /// # Errors
    /// The agent is not there or goes away.
    pub(crate) async fn ping(&self) -> Result<Duration> {
        let started = Instant::now();
        match self.call(&Request::Ping).await? {
            Reply::Pong { .. } => Ok(started.elapsed()),
            other => Err(Error::external(format!(
                "the agent answers a ping with {other:?}"
            ))),
        }
    }

    /// Makes the guest another one than the snapshot that it comes from. A clock is set to this host's, whatever
    /// `wanted` says it shows, and half a round trip later.
    ///
    /// # Errors
    /// The agent is not there or goes away; what could not be done is in the result.
    pub(crate) async fn personalise(&self, wanted: &Personalise) -> Result<Personalised> {
        let mut wanted = wanted.clone();
        if wanted.clock_ns.is_some() {
            let delay = self.ping().await? / 2;
            let now = std::time::SystemTime::now() + delay;
            let since = now
                .duration_since(std::time::UNIX_EPOCH)
                .unwrap_or_default();
            wanted.clock_ns = u64::try_from(since.as_nanos()).ok();
        }
        match self.call(&Request::Personalise(wanted)).await? {
            Reply::Personalised(done) => Ok(done),
            other => Err(Error::external(format!("the agent answers with {other:?}"))),
        }
    }
}
