//! The sending half of a conversation: input within the agent's credit, and signals.

use std::sync::{Arc, Mutex, PoisonError};

use kindling_protocol::{CHUNK, Credit, Kind, Note, data, end, message};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::OwnedWriteHalf;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{Notify, mpsc};

use super::relay::STREAM;

/// Writes frames from a queue until it ends.
pub(super) async fn write(mut writer: OwnedWriteHalf, mut queue: mpsc::Receiver<Vec<u8>>) {
    while let Some(bytes) = queue.recv().await {
        if writer.write_all(&bytes).await.is_err() {
            return;
        }
    }
}

/// The bytes that we may send.
#[derive(Default)]
pub(super) struct Allowance {
    credit: Mutex<Credit>,
    more: Notify,
}

impl Allowance {
    /// Adds bytes that the agent has granted.
    pub(super) fn add(&self, bytes: u32) {
        self.credit
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .add(bytes);
        self.more.notify_one();
    }

    /// Takes at most `wanted` bytes; waits until there is one at least.
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
pub(super) async fn feed(
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
pub(super) async fn forward_signals(out: mpsc::Sender<Vec<u8>>) {
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
