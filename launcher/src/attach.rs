//! The serial console for a person: `kindling console`, and the supervisor's end of it.

use std::io::{IsTerminal, Write};

use kindling_base::{Context, Error, Result};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::sync::mpsc;

use crate::control::{self, Request};
use crate::state::StateFolder;

/// Ctrl-], which leaves the console: what telnet and virsh take.
const LEAVE: u8 = 0x1d;

/// Pieces of output that wait for a client; one that is slower is hung up on, so that the guest need not wait.
const QUEUE: usize = 256;

/// Pieces of input that wait for the guest.
const INPUT: usize = 16;

/// How a visit to a console ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// By Ctrl-].
    Asked,
    /// The VM has ended.
    Ended,
}

/// Connects standard input and output to the serial console of a VM, until Ctrl-] or the VM's end. `connected` is called
/// once that is so. The process should end after this: a read of standard input may never return.
///
/// # Errors
/// There is no such VM, it does not run, or the terminal cannot be set.
pub async fn console(state: &StateFolder, name: &str, connected: impl FnOnce()) -> Result<Left> {
    let vm = state.find(name)?;
    if !vm.status.state.is_live() {
        let shown = vm.status.state.name();
        return Err(
            Error::user(format!("`{name}` is {shown}: it has no console"))
                .hint(format!("`kindling logs {name}` shows what it wrote")),
        );
    }
    let stream = control::open(&vm.folder, &Request::Console).await;
    let mut stream = stream.map_err(|error| control::deaf(name, error))?;
    connected();
    let _raw = Raw::set()?;
    let (mut typed, mut told) = (vec![0; 4096], vec![0; 64 << 10]);
    let mut input = tokio::io::stdin();
    let mut input_open = true;
    loop {
        tokio::select! {
            read = input.read(&mut typed), if input_open => {
                let count = read.context("cannot read standard input")?;
                input_open = count > 0;
                let leave = typed[..count].iter().position(|byte| *byte == LEAVE);
                let sent = stream.write_all(&typed[..leave.unwrap_or(count)]).await;
                match (leave, sent) {
                    (Some(_), _) => return Ok(Left::Asked),
                    (None, Err(_)) => return Ok(Left::Ended),
                    (None, Ok(())) => {}
                }
            }
            read = stream.read(&mut told) => match read {
                Ok(0) | Err(_) => return Ok(Left::Ended),
                Ok(count) => {
                    let mut out = std::io::stdout().lock();
                    out.write_all(&told[..count]).and_then(|()| out.flush())
                        .context("cannot write to standard output")?;
                }
            },
        }
    }
}

/// A terminal that passes on what is typed as it is; set back when this is dropped.
struct Raw(Termios);

impl Raw {
    /// `None` where standard input is no terminal.
    fn set() -> Result<Option<Self>> {
        if !std::io::stdin().is_terminal() {
            return Ok(None);
        }
        let what = "cannot set the terminal";
        let before = tcgetattr(rustix::stdio::stdin()).context(what)?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &raw).context(what)?;
        Ok(Some(Self(before)))
    }
}

impl Drop for Raw {
    fn drop(&mut self) {
        // A terminal that is gone need not be set back.
        let _ = tcsetattr(rustix::stdio::stdin(), OptionalActions::Now, &self.0);
    }
}

/// The supervisor's end: who looks at the console, and the way to the guest's input.
#[derive(Debug)]
pub(crate) struct Visitors {
    output: Vec<mpsc::Sender<Vec<u8>>>,
    input: mpsc::Sender<Vec<u8>>,
}

impl Visitors {
    /// Nobody yet; `input` is where the guest reads from, where it does.
    pub(crate) fn new(input: Option<pipe::Sender>) -> Self {
        let (sender, mut typed) = mpsc::channel::<Vec<u8>>(INPUT);
        tokio::spawn(async move {
            let mut input = input;
            while let Some(bytes) = typed.recv().await {
                if let Some(pipe) = &mut input
                    && pipe.write_all(&bytes).await.is_err()
                {
                    input = None; // the machine has ended
                }
            }
        });
        Self {
            output: Vec::new(),
            input: sender,
        }
    }

    /// Lets a client in.
    pub(crate) fn admit(&mut self, client: UnixStream) {
        let (sender, mut output) = mpsc::channel::<Vec<u8>>(QUEUE);
        self.output.push(sender);
        let input = self.input.clone();
        let (mut from, mut to) = client.into_split();
        tokio::spawn(async move {
            let mut buffer = vec![0; 4096];
            while let Ok(count @ 1..) = from.read(&mut buffer).await {
                if input.send(buffer[..count].to_vec()).await.is_err() {
                    return;
                }
            }
        });
        tokio::spawn(async move {
            while let Some(bytes) = output.recv().await {
                if to.write_all(&bytes).await.is_err() {
                    return;
                }
            }
        });
    }

    /// Shows everybody what the guest wrote.
    pub(crate) fn show(&mut self, bytes: &[u8]) {
        self.output
            .retain(|client| client.try_send(bytes.to_vec()).is_ok());
    }
}
