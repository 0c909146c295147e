//! A person's visit to a VM's serial console: `kindling console`.

use std::io::{IsTerminal, Write};

use kindling_base::{Context, Error, Result};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::StateFolder;
use super::control::{self, Request};

/// Ctrl-], which leaves the console: what telnet and virsh take.
const LEAVE: u8 = 0x1d;

/// The end of a visit to a console.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// The person typed Ctrl-].
    Asked,
    /// The VM has ended.
    Ended,
}

/// Connects standard input and output to the serial console of a VM, until Ctrl-] or the VM's end, and calls
/// `connected` once they are connected. The process should end after this: a read of standard input may never return.
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

/// A terminal in raw mode; its earlier mode comes back when this is dropped.
struct Raw(Termios);

impl Raw {
    /// Sets raw mode; `None` where standard input is not a terminal.
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
