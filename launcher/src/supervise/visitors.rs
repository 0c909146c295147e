//! Clients of a VM's serial console.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::pipe;
use tokio::sync::mpsc;

/// Pieces of output that wait for a client; one that is slower is hung up on, so that the guest need not wait.
const QUEUE: usize = 256;

/// Pieces of input that wait for the guest.
const INPUT: usize = 16;

/// The clients that look at a VM's console, and the way to the guest's input.
#[derive(Debug)]
pub(crate) struct Visitors {
    output: Vec<mpsc::Sender<Vec<u8>>>,
    input: mpsc::Sender<Vec<u8>>,
}

impl Visitors {
    /// No clients yet. What they type goes to `input`, if the guest has one.
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

    /// Connects a client: it sees the guest's output from now on, and its input goes to the guest.
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

    /// Sends the guest's output to every client; a client whose queue is full is disconnected.
    pub(crate) fn show(&mut self, bytes: &[u8]) {
        self.output
            .retain(|client| client.try_send(bytes.to_vec()).is_ok());
    }
}
