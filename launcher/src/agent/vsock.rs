//! Firecracker's way to the guest's vsock: a Unix socket, one line each way (its `docs/vsock.md`).

use std::path::{Path, PathBuf};
use std::time::Duration;

use kindling_base::{Context, Error, Result};
use kindling_protocol::VSOCK_PORT;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// The longest answer: `OK ` and a port.
const LINE_LIMIT: usize = 32;

/// The pause between two attempts to connect to a guest in which nobody listens.
const RETRY: Duration = Duration::from_millis(20);

/// A channel to the agent behind Firecracker's socket at `path`, there from the start: it is connected as soon as the
/// guest listens, and anew when the guest has closed it.
///
/// # Errors
/// The operating system has no pair of sockets.
pub(crate) fn over_vsock(path: PathBuf) -> Result<UnixStream> {
    let (ours, theirs) = UnixStream::pair().context("cannot make a pair of sockets")?;
    tokio::spawn(bridge(path, theirs));
    Ok(ours)
}

/// Carries bytes between `channel` and the guest, until the channel or Firecracker is gone.
async fn bridge(path: PathBuf, mut channel: UnixStream) {
    while path.exists() && !is_closed(&channel) {
        if let Ok(mut guest) = connect(&path, VSOCK_PORT).await {
            // Either end may go away; if it is the guest, it comes again.
            let _ = tokio::io::copy_bidirectional(&mut channel, &mut guest).await;
        }
        tokio::time::sleep(RETRY).await;
    }
}

/// Whether the other end of a channel is closed.
fn is_closed(channel: &UnixStream) -> bool {
    let mut watched = [PollFd::new(channel, PollFlags::empty())];
    let looked = poll(&mut watched, Some(&Timespec::default()));
    looked.is_ok() && watched[0].revents().contains(PollFlags::HUP)
}

/// Connects to `port` of the guest behind the Unix socket at `path`.
///
/// # Errors
/// Firecracker does not listen there, or nobody in the guest listens at the port: then the connection just closes.
pub(super) async fn connect(path: &Path, port: u32) -> Result<UnixStream> {
    let stream = UnixStream::connect(path).await;
    let stream = stream.context(format!("cannot connect to {}", path.display()))?;
    handshake(stream, port).await
}

/// Says `CONNECT port` and reads `OK port`, and not a byte more.
///
/// # Errors
/// As [`connect`].
pub(crate) async fn handshake(mut stream: UnixStream, port: u32) -> Result<UnixStream> {
    let what = "cannot speak with Firecracker's vsock socket";
    stream
        .write_all(format!("CONNECT {port}\n").as_bytes())
        .await
        .context(what)?;
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') && line.len() < LINE_LIMIT {
        match stream.read_u8().await {
            Ok(byte) => line.push(byte),
            Err(_) => {
                return Err(Error::external(format!(
                    "nobody in the guest listens at vsock port {port}"
                )));
            }
        }
    }
    let answer = String::from_utf8_lossy(&line);
    let accepted = answer
        .strip_prefix("OK ")
        .and_then(|rest| rest.strip_suffix('\n'));
    match accepted.map(str::parse::<u32>) {
        Some(Ok(_)) => Ok(stream),
        _ => Err(Error::external(format!(
            "Firecracker answers `{}` to CONNECT",
            answer.escape_debug()
        ))),
    }
}
