//! Commands in a guest: `kindling exec`.

use std::collections::BTreeMap;
use std::time::Duration;

use kindling_base::Result;
use kindling_protocol::{Exit, Reply, Request};
use tokio::io::AsyncRead;

use super::conversation::{Conversation, unexpected};
use crate::vm::StateFolder;

/// A command for the guest.
#[derive(Clone, Debug, Default)]
pub struct Exec {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// More environment.
    pub env: BTreeMap<String, String>,
    /// Its working folder.
    pub cwd: Option<String>,
    /// Its user.
    pub user: Option<String>,
    /// The time that it may take.
    pub timeout: Option<Duration>,
    /// Whether our standard input is its.
    pub input: Input,
}

/// The standard input of a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Input {
    /// Empty.
    #[default]
    None,
    /// Ours.
    Forwarded,
}

/// Runs a command in the guest of the VM called `name`, with our standard streams; returns the exit code that a shell
/// would show: the command's own, 128 and the signal that ended it, 124 where it took too long.
///
/// # Errors
/// There is no such VM, it does not run or has no agent, or the agent does not answer or cannot start the command.
pub async fn exec(state: &StateFolder, name: &str, exec: Exec) -> Result<u8> {
    let conversation = Conversation::open(state, name).await?;
    let request = Request::Exec(kindling_protocol::Exec {
        argv: exec.argv,
        env: exec.env,
        cwd: exec.cwd,
        user: exec.user,
        terminal: None,
    });
    let input: Option<Box<dyn AsyncRead + Send + Unpin>> = match exec.input {
        Input::None => None,
        Input::Forwarded => Some(Box::new(tokio::io::stdin())),
    };
    let (output, errors) = (tokio::io::stdout(), tokio::io::stderr());
    let talk = conversation.hold(request, input, output, errors, true);
    let reply = match exec.timeout {
        None => talk.await?,
        Some(limit) => match tokio::time::timeout(limit, talk).await {
            Ok(reply) => reply?,
            Err(_) => return Ok(124), // dropping the connection ends the command
        },
    };
    match reply {
        Reply::Exited(Exit::Code(code)) => Ok(u8::try_from(code & 0xff).unwrap_or(u8::MAX)),
        Reply::Exited(Exit::Signal(signal)) => Ok(u8::try_from(128 + signal).unwrap_or(u8::MAX)),
        other => Err(unexpected(name, &other)),
    }
}
