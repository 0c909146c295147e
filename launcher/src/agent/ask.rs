//! Questions to a guest's agent from another process than its supervisor's, with the answer in hand.

use std::time::Duration;

use kindling_base::{Error, Result};
use kindling_protocol::{Exec, Exit, Reply, Request};

use super::conversation::{Conversation, unexpected};
use crate::vm::StateFolder;
use crate::vm::timeline::now_ns;

/// A ping and its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ping {
    /// The time of the question, in nanoseconds of the host's CLOCK_MONOTONIC.
    pub sent_ns: u64,
    /// The time of the answer, likewise.
    pub received_ns: u64,
    /// The guest's clock in between: milliseconds since its kernel started, rounded down.
    pub uptime_ms: u64,
}

/// Pings the agent of the VM called `name`.
///
/// # Errors
/// There is no such VM, it does not run, or its agent does not answer.
pub async fn ping(state: &StateFolder, name: &str) -> Result<Ping> {
    let conversation = Conversation::open(state, name).await?;
    let (output, errors) = (tokio::io::sink(), tokio::io::sink());
    let sent_ns = now_ns();
    let reply = conversation.hold(Request::Ping, None, output, errors, false);
    match reply.await? {
        Reply::Pong { uptime_ms, .. } => Ok(Ping {
            sent_ns,
            received_ns: now_ns(),
            uptime_ms,
        }),
        other => Err(unexpected(name, &other)),
    }
}

/// Runs a command in the guest of the VM called `name` and returns its standard output, or `None` where it fails.
///
/// # Errors
/// There is no such VM, it does not run, its agent does not answer, or the command takes longer than `limit`.
pub async fn capture(
    state: &StateFolder,
    name: &str,
    argv: &[&str],
    limit: Duration,
) -> Result<Option<String>> {
    let conversation = Conversation::open(state, name).await?;
    let request = Request::Exec(Exec {
        argv: argv.iter().map(|&word| word.to_owned()).collect(),
        env: [("SYSTEMD_COLORS", "0"), ("SYSTEMD_PAGER", "")]
            .map(|(key, value)| (key.to_owned(), value.to_owned()))
            .into(),
        ..Exec::default()
    });
    let mut output = Vec::new();
    let talk = conversation.hold(request, None, &mut output, tokio::io::sink(), false);
    let reply = tokio::time::timeout(limit, talk).await.map_err(|_| {
        Error::external(format!(
            "`{}` in the guest of `{name}` did not end within {} s",
            argv.join(" "),
            limit.as_secs()
        ))
    })?;
    match reply? {
        Reply::Exited(Exit::Code(0)) => Ok(Some(String::from_utf8_lossy(&output).into_owned())),
        Reply::Exited(_) | Reply::Failed(_) => Ok(None),
        other => Err(unexpected(name, &other)),
    }
}
