//! A command's conversation with the agent, through the supervisor.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use kindling_base::{Context, Error, Result};
use kindling_protocol::{
    Decoder, Event, Failure, Granted, Hello, Kind, Problem, Reply, Request, Role, credit, message,
};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::unix::OwnedWriteHalf;
use tokio::sync::mpsc;

use super::relay::{Reader, STREAM};
use super::sending::{Allowance, feed, forward_signals, write};
use crate::vm::status::State;
use crate::vm::{StateFolder, control};

/// The time that the agent of a guest that is ready may take to answer.
const ANSWER_DEADLINE: Duration = Duration::from_secs(20);

/// The error for a reply that is not the one that was hoped for.
pub(super) fn unexpected(name: &str, reply: &Reply) -> Error {
    match reply {
        Reply::Failed(Failure {
            problem: Problem::NotFound | Problem::Unusable,
            message,
        }) => Error::user(format!("`{name}`: {message}"))
            .hint("paths, programs and users are those of the guest"),
        Reply::Failed(Failure {
            problem: Problem::NotUnderstood,
            message,
        }) => Error::user(format!("`{name}`: {message}"))
            .hint("its image was built by an older Kindling: build it anew"),
        Reply::Failed(failure) => Error::external(format!("`{name}`: {}", failure.message)),
        other => Error::external(format!("the agent of `{name}` answers with {other:?}")),
    }
}

/// A connection to the agent, through the supervisor.
pub(super) struct Conversation {
    name: String,
    reader: Reader,
    writer: OwnedWriteHalf,
}

impl Conversation {
    /// Connects, and waits for the agent.
    pub(super) async fn open(state: &StateFolder, name: &str) -> Result<Self> {
        let vm = state.find(name)?;
        if !vm.status.state.is_live() {
            return Err(
                Error::user(format!("`{name}` is not running")).hint(format!(
                    "its state is {}; start a VM with `kindling run`",
                    vm.status.state.name()
                )),
            );
        }
        if !vm.spec.agent {
            return Err(Error::user(format!(
                "`{name}` has no agent: its image was built without it"
            ))
            .hint(
                "put `agent = true` under [rootfs] in the recipe, build it and start a VM from it",
            ));
        }
        let stream = control::open(&vm.folder, &control::Request::Agent)
            .await
            .map_err(|error| control::deaf(name, error))?;
        let (reader, mut writer) = stream.into_split();
        let mut reader = Reader {
            stream: reader,
            decoder: Decoder::new(),
            events: VecDeque::new(),
        };
        writer
            .write_all(&Hello::new(Role::Host, 1).encode())
            .await
            .context("cannot write to the supervisor")?;
        // While it boots, the agent may come as late as the boot may take.
        let limit = match vm.status.state {
            State::Starting => Duration::from_secs(u64::from(vm.spec.timeout_s)),
            _ => ANSWER_DEADLINE,
        };
        match tokio::time::timeout(limit, reader.next()).await {
            Ok(Some(Event::Hello(hello))) => {
                hello.version().map_err(|why| {
                    Error::user(format!("the agent of `{name}` is of another time"))
                        .because(why)
                        .hint("build the image anew with this Kindling and start a VM from it")
                })?;
            }
            Ok(_) => {
                return Err(Error::external(format!(
                    "`{name}` ended before its agent answered"
                )));
            }
            Err(_) => {
                return Err(Error::external(format!(
                    "the agent of `{name}` did not answer within {} s",
                    limit.as_secs()
                ))
                .hint(format!(
                    "see what the guest does with `kindling logs {name}`"
                )));
            }
        }
        Ok(Self {
            name: name.to_owned(),
            reader,
            writer,
        })
    }

    /// Asks, sends `input`, writes what comes, and returns the last reply. With `signals`, an interrupt and a request to
    /// end go to the guest's program.
    pub(super) async fn hold(
        self,
        request: Request,
        input: Option<Box<dyn AsyncRead + Send + Unpin>>,
        mut output: impl AsyncWrite + Unpin,
        mut errors: impl AsyncWrite + Unpin,
        signals: bool,
    ) -> Result<Reply> {
        let Self {
            name,
            mut reader,
            writer,
        } = self;
        let gone = || {
            Error::external(format!(
                "the agent of `{name}` went away before it was done"
            ))
        };
        let first = message(STREAM, &request).map_err(|error| {
            Error::user("the command line is too long for the agent").because(error)
        })?;
        let (out, queue) = mpsc::channel(8);
        let writing = tokio::spawn(write(writer, queue));
        out.send(first).await.map_err(|_| gone())?;
        let allowance = Arc::new(Allowance::default());
        let feeding = tokio::spawn(feed(input, out.clone(), Arc::clone(&allowance)));
        let listening = signals.then(|| tokio::spawn(forward_signals(out.clone())));
        let mut granted = Granted::default();
        let mut last = None;
        let result = loop {
            let Some(Event::Frame(frame)) = reader.next().await else {
                break Err(gone());
            };
            let written = match frame.kind {
                Kind::Data => put(&mut output, &frame.payload).await,
                Kind::ErrorData => put(&mut errors, &frame.payload).await,
                Kind::Credit => {
                    allowance.add(frame.granted().unwrap_or(0));
                    Ok(())
                }
                Kind::Message => {
                    last = serde_json::from_slice(&frame.payload).ok();
                    Ok(())
                }
                Kind::End => output.shutdown().await,
                Kind::Close => break last.take().ok_or_else(gone),
            };
            if let Err(error) = written {
                break Err(Error::user("cannot write the output").because(error));
            }
            if let Some(grant) = granted.consume(frame.data_length()) {
                let _ = out.send(credit(STREAM, grant)).await; // the end of the connection is read
            }
        };
        let _ = output.flush().await;
        feeding.abort();
        // Until it has let go of the input, whoever fills that would wait for a reader.
        let _ = feeding.await;
        writing.abort();
        if let Some(listening) = listening {
            listening.abort();
        }
        result
    }
}

async fn put(to: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> std::io::Result<()> {
    to.write_all(bytes).await?;
    to.flush().await
}
