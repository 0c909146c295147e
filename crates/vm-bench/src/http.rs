//! Asking a guest's port until it answers.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, select_all};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::Until;
use kindling_launcher::timeline::now_ns;

/// After a refusal it is asked again so soon; later after one in a hundred of the time that has passed, so that the answer
/// is known to 1 % and a slow guest is not busy with refusing us.
const INTERVAL: Duration = Duration::from_millis(5);

/// A question without an answer gets company after this, or after one in [`PART`] of the time that has passed. A connection
/// that was opened before the guest had a network is retried by the network below after seconds only, so that this is how far
/// an answer may be off; but each that the guest has taken is work for it, and a server that starts a process for each must
/// not be flooded.
const PATIENCE: Duration = Duration::from_millis(100);
const PART: u32 = 20;

/// Questions that wait for an answer at the same time.
const PENDING: usize = 24;

/// The oldest of them are kept: a service that is started by the first connection answers those first.
const OLDEST: usize = 2;

/// Asks until there is an answer; returns when its first byte came, in nanoseconds of CLOCK_MONOTONIC. To be bounded by
/// the caller.
pub(super) async fn answered(address: SocketAddr, until: &Until) -> u64 {
    let began = Instant::now();
    let mut pending: Vec<BoxFuture<'_, Option<u64>>> = Vec::new();
    loop {
        if pending.len() == PENDING {
            drop(pending.remove(OLDEST)); // and closes it
        }
        pending.push(ask(address, until).boxed());
        let next = tokio::time::sleep(PATIENCE.max(began.elapsed() / PART));
        tokio::pin!(next);
        while !next.is_elapsed() {
            if pending.is_empty() {
                next.as_mut().await;
                break;
            }
            tokio::select! {
                () = &mut next => break,
                (told, at) = select_all(pending.iter_mut()).map(|(told, at, _)| (told, at)) => {
                    if let Some(at_ns) = told {
                        return at_ns;
                    }
                    drop(pending.remove(at));
                    let soon = Instant::now() + INTERVAL.max(began.elapsed() / 100);
                    let due = next.deadline().min(soon.into());
                    next.as_mut().reset(due);
                }
            }
        }
    }
}

/// One question; `None` if nobody answers in HTTP.
async fn ask(address: SocketAddr, until: &Until) -> Option<u64> {
    let mut stream = TcpStream::connect(address).await.ok()?;
    let path = &until.path;
    let request = format!("GET {path} HTTP/1.1\r\nHost: guest\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.ok()?;
    let mut first = [0; 5];
    stream.read_exact(&mut first[..1]).await.ok()?;
    let at_ns = now_ns();
    stream.read_exact(&mut first[1..]).await.ok()?;
    (&first == b"HTTP/").then_some(at_ns)
}
