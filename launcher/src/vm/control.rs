//! Requests to a running supervisor, over a socket in the VM's folder.
//!
//! One JSON line asks. To a request to stop, the supervisor answers by closing the connection when the VM has ended, and
//! its status says the rest; to others with one JSON line.

use std::os::unix::net::UnixListener as StdListener;
use std::path::{Path, PathBuf};
use std::time::Duration;

use kindling_base::{Context, Error, Failure, Result, files};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;

use super::CONTROL_SOCKET;
use crate::sys::short_path;

/// A request to a supervisor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "request", rename_all = "snake_case")]
pub(crate) enum Request {
    /// Stop the machine.
    Stop {
        /// Milliseconds that the guest has to power itself off.
        grace_ms: u64,
    },
    /// Save the machine and its disk, and let it go on.
    Save {
        /// An empty folder.
        into: PathBuf,
    },
    /// Speak with the guest's agent over this connection from now on.
    Agent,
    /// Carry the serial console over this connection from now on.
    Console,
}

/// The answer to a request that has one: its result, or why the supervisor refused.
type Answer<T> = std::result::Result<T, Failure>;

/// The longest request in bytes.
const REQUEST_LIMIT: usize = 4096;

/// A client that connects and says nothing is dropped after this.
const REQUEST_DEADLINE: Duration = Duration::from_secs(2);

/// A request, and the connection to keep open until it is done.
pub(crate) type Asked = (Request, UnixStream);

/// Listens in the VM's folder. Requests arrive on the returned channel as long as the runtime runs.
///
/// # Errors
/// The socket cannot be made.
pub(crate) fn listen(folder: &Path) -> Result<mpsc::Receiver<Asked>> {
    let path = folder.join(CONTROL_SOCKET);
    files::remove(&path)?; // the lock is ours: nobody else listens
    let what = || format!("cannot listen on {}", path.display());
    let opened = files::open(folder)?;
    let listener = StdListener::bind(short_path(&opened, CONTROL_SOCKET)).context(what())?;
    listener.set_nonblocking(true).context(what())?;
    let listener = UnixListener::from_std(listener).context(what())?;
    let (sender, receiver) = mpsc::channel(4);
    tokio::spawn(accept(listener, sender));
    Ok(receiver)
}

async fn accept(listener: UnixListener, sender: mpsc::Sender<Asked>) {
    // An error here means that we are out of descriptors or memory; stopping by signal still works.
    while let Ok((stream, _)) = listener.accept().await {
        let sender = sender.clone();
        tokio::spawn(async move {
            let mut stream = stream;
            let request = tokio::time::timeout(REQUEST_DEADLINE, read(&mut stream)).await;
            if let Ok(Some(request)) = request {
                let _ = sender.send((request, stream)).await; // the supervisor may have ended
            }
        });
    }
}

/// Reads one line; `None` if it is not a request.
async fn read(stream: &mut UnixStream) -> Option<Request> {
    let mut line = Vec::new();
    while line.last() != Some(&b'\n') && line.len() < REQUEST_LIMIT {
        // Not a byte more: what follows belongs to who serves the request.
        line.push(stream.read_u8().await.ok()?);
    }
    serde_json::from_slice(&line).ok()
}

/// Removes the socket, so that nobody connects to a supervisor that is about to end.
pub(crate) fn close(folder: &Path) {
    // A socket that stays is removed with the VM.
    let _ = files::remove(&folder.join(CONTROL_SOCKET));
}

/// Sends a request to the supervisor of the VM in `folder` and waits until it closes the connection.
///
/// # Errors
/// Nobody listens there or the connection breaks before the request is sent.
pub(crate) async fn ask(folder: &Path, request: Request) -> std::io::Result<()> {
    let mut stream = open(folder, &request).await?;
    let mut end = [0; 16];
    // A reset instead of an end comes when the supervisor exits with unread bytes.
    while stream.read(&mut end).await.is_ok_and(|read| read > 0) {}
    Ok(())
}

/// Sends a request to the supervisor of the VM `name` in `folder` and waits for its answer.
///
/// # Errors
/// It does not listen, it ended before it answered, or it refuses.
pub(crate) async fn call<T: DeserializeOwned>(
    name: &str,
    folder: &Path,
    request: &Request,
) -> Result<T> {
    let answer = async {
        let mut stream = open(folder, request).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = answer.await.map_err(|error| deaf(name, error))?;
    if answer.is_empty() {
        let problem = format!("`{name}` ended before its supervisor answered");
        return Err(Error::external(problem).hint(format!("see `kindling logs {name}`")));
    }
    let answer: Answer<T> = serde_json::from_slice(&answer)
        .map_err(|error| Error::internal("a supervisor's answer does not parse").because(error))?;
    answer.map_err(|failure| Error::from(failure).within(format!("`{name}`")))
}

/// Answers a request. A client that has gone away learns nothing.
pub(crate) async fn answer<T: Serialize>(client: &mut UnixStream, answer: Result<T>) {
    let answer: Answer<T> = answer.map_err(|error| Failure::from(&error));
    if let Ok(text) = serde_json::to_vec(&answer) {
        let _ = client.write_all(&text).await;
    }
}

/// Sends a request to the supervisor of the VM in `folder`; the connection is then for whoever serves it.
///
/// # Errors
/// Nobody listens there.
pub(crate) async fn open(folder: &Path, request: &Request) -> std::io::Result<UnixStream> {
    let opened = std::fs::File::open(folder)?;
    let mut stream = UnixStream::connect(short_path(&opened, CONTROL_SOCKET)).await?;
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    Ok(stream)
}

/// An error for a supervisor that does not take requests.
pub(crate) fn deaf(name: &str, error: std::io::Error) -> Error {
    Error::internal(format!("the supervisor of `{name}` takes no requests"))
        .because(error)
        .hint(format!("end it with `kindling rm --force {name}`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[tokio::test]
    async fn a_request_arrives_through_a_folder_with_a_long_path() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("x".repeat(120)).join("y".repeat(120));
        std::fs::create_dir_all(&folder).unwrap();
        let mut requests = listen(&folder).unwrap();
        let request = Request::Stop { grace_ms: 7 };
        let sent = request.clone();
        let client = tokio::spawn(async move { ask(&folder, sent).await });
        let (received, stream) = requests.recv().await.unwrap();
        assert_eq!(received, request);
        assert!(!client.is_finished());
        drop(stream);
        client.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn a_refusal_arrives_with_its_hint_and_its_exit_code() {
        let folder = tempfile::tempdir().unwrap();
        let mut requests = listen(folder.path()).unwrap();
        let asked = folder.path().to_owned();
        let client = tokio::spawn(async move {
            let into = asked.join("x");
            call::<()>("vm", &asked, &Request::Save { into }).await
        });
        let (_, mut stream) = requests.recv().await.unwrap();
        let refused = Error::user("it is starting")
            .note("since: now")
            .hint("wait");
        answer::<()>(&mut stream, Err(refused)).await;
        drop(stream);
        let error = client.await.unwrap().unwrap_err();
        assert_eq!(
            error.report(),
            "error: `vm`: it is starting\n  since: now\nhint: wait"
        );
        assert_eq!(error.exit(), kindling_base::Exit::User);
    }

    proptest! {
        #[test]
        fn any_bytes_are_a_request_or_refused(mut bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let (mut ours, mut theirs) = UnixStream::pair().unwrap();
                bytes.push(b'\n');
                ours.write_all(&bytes).await.unwrap();
                drop(ours);
                let _ = read(&mut theirs).await;
            });
        }
    }
}
