//! A command's end: it speaks with the agent through the supervisor.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use kindling_base::{Context, Error, Result};
use kindling_protocol::{
    CHUNK, Credit, Decoder, Event, Exit, Failure, Granted, Hello, Kind, Note, Problem, Reply,
    Request, Role, credit, data, end, message,
};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::unix::OwnedWriteHalf;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, mpsc};

use super::relay::{Reader, STREAM};
use crate::vm::StateFolder;
use crate::vm::control;
use crate::vm::status::State;

/// How long the agent of a guest that is ready may take to answer.
const ANSWER_DEADLINE: Duration = Duration::from_secs(20);

/// A command for the guest.
#[derive(Clone, Debug, Default)]
pub struct Exec {
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// More environment.
    pub env: BTreeMap<String, String>,
    /// Where it runs.
    pub cwd: Option<String>,
    /// Who runs it.
    pub user: Option<String>,
    /// How long it may take.
    pub timeout: Option<Duration>,
    /// Whether our standard input is its.
    pub input: Input,
}

/// Where a command's standard input comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Input {
    /// It has none.
    #[default]
    None,
    /// From ours.
    Forwarded,
}

/// Runs a command in the guest of the VM called `name`, with our standard streams; returns the exit code that a shell
/// would show: the command's own, 128 and the signal that ended it, 124 where it took too long.
///
/// # Errors
/// There is no such VM, it does not run, has no agent, that does not answer, or it cannot start the command.
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

async fn write(mut writer: OwnedWriteHalf, mut queue: mpsc::Receiver<Vec<u8>>) {
    while let Some(bytes) = queue.recv().await {
        if writer.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

/// What we may send.
#[derive(Default)]
struct Allowance {
    credit: Mutex<Credit>,
    more: Notify,
}

impl Allowance {
    fn add(&self, bytes: u32) {
        self.credit
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(bytes);
        self.more.notify_one();
    }

    async fn spend(&self, wanted: usize) -> usize {
        loop {
            let spent = self
                .credit
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .spend(wanted);
            if spent > 0 {
                return spent;
            }
            self.more.notified().await;
        }
    }
}

/// Sends our input to the guest, then its end.
async fn feed(
    input: Option<Box<dyn AsyncRead + Send + Unpin>>,
    out: mpsc::Sender<Vec<u8>>,
    allowance: Arc<Allowance>,
) {
    let mut buffer = vec![0; CHUNK];
    if let Some(mut input) = input {
        while let Ok(count @ 1..) = input.read(&mut buffer).await {
            let mut rest = &buffer[..count];
            while !rest.is_empty() {
                let (piece, later) = rest.split_at(allowance.spend(rest.len()).await);
                if out.send(data(STREAM, Kind::Data, piece)).await.is_err() {
                    return;
                }
                rest = later;
            }
        }
    }
    let _ = out.send(end(STREAM)).await;
}

/// Sends the signals that would end us to the guest's program instead, which then ends us by its end.
async fn forward_signals(out: mpsc::Sender<Vec<u8>>) {
    let listen = |kind: SignalKind| signal(kind).ok();
    let (Some(mut interrupt), Some(mut terminate)) = (
        listen(SignalKind::interrupt()),
        listen(SignalKind::terminate()),
    ) else {
        return;
    };
    loop {
        let number = tokio::select! {
            _ = interrupt.recv() => SignalKind::interrupt().as_raw_value(),
            _ = terminate.recv() => SignalKind::terminate().as_raw_value(),
        };
        if let Ok(frame) = message(STREAM, &Note::Signal { number }) {
            let _ = out.send(frame).await;
        }
    }
}
