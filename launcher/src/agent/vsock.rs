//! Firecracker's way to the guest's vsock: a Unix socket, one line each way (its `docs/vsock.md`).

use std::path::Path;

use kindling_base::{Context, Error, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// The longest answer: `OK ` and a port.
const LINE_LIMIT: usize = 32;

/// Connects to `port` of the guest behind the Unix socket at `path`.
///
/// # Errors
/// Firecracker does not listen there, or nobody in the guest listens at the port: then the connection just closes.
#[allow(dead_code, reason = "the channel on Firecracker")]
pub(crate) async fn connect(path: &Path, port: u32) -> Result<UnixStream> {
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
