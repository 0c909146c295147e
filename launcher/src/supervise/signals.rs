//! The signals that ask a supervisor to stop its VM.

use kindling_base::{Context, Result};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A listener for interrupt, termination and hang-up signals.
pub(super) struct Signals([Signal; 3]);

impl Signals {
    /// Starts to listen: from now on these signals do not end this process.
    pub(super) fn new() -> Result<Self> {
        let listen = |kind| signal(kind).context("cannot listen for signals");
        Ok(Self([
            listen(SignalKind::interrupt())?,
            listen(SignalKind::terminate())?,
            listen(SignalKind::hangup())?,
        ]))
    }

    /// Waits for the next signal.
    pub(super) async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.0;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }
}
