//! The real agent behind a stand-in of Firecracker's vsock socket, and behind a pair of sockets.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::{UnixListener as StdListener, UnixStream as StdStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use kindling_agent::Greeting;
use kindling_protocol::{
    Exec, Exit, Kind, Personalise, Reply, Request, VSOCK_PORT, WINDOW, message,
};
use tokio::net::UnixStream;

use super::mux::{Agent, start};
use super::vsock;

/// Speaks CONNECT and OK for the agent's port, closes the connection for any other, as Firecracker does.
fn firecracker(folder: &Path) -> PathBuf {
    let path = folder.join("v.sock");
    let listener = StdListener::bind(&path).unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut line = String::new();
            // One byte at a time: what follows is the agent's.
            BufReader::with_capacity(1, &stream)
                .read_line(&mut line)
                .unwrap();
            if line == format!("CONNECT {VSOCK_PORT}\n") {
                stream.write_all(b"OK 1073741824\n").unwrap();
                std::thread::spawn(move || serve(&stream));
            }
        }
    });
    path
}

fn serve(stream: &StdStream) {
    let _ = kindling_agent::serve(
        &mut &*stream,
        stream.try_clone().unwrap(),
        Greeting::Expected,
    );
}

fn agent() -> Agent {
    let (ours, theirs) = StdStream::pair().unwrap();
    std::thread::spawn(move || serve(&theirs));
    ours.set_nonblocking(true).unwrap();
    start(UnixStream::from_std(ours).unwrap())
}

fn me() -> Option<String> {
    Some(rustix::process::getuid().as_raw().to_string())
}

fn sh(script: &str) -> Request {
    let argv = ["/bin/sh", "-c", script].map(str::to_owned).to_vec();
    Request::Exec(Exec {
        argv,
        user: me(),
        ..Exec::default()
    })
}

#[tokio::test]
async fn the_agent_answers_through_connect_and_ok() {
    let folder = tempfile::tempdir().unwrap();
    let path = firecracker(folder.path());
    let agent = start(vsock::connect(&path, VSOCK_PORT).await.unwrap());
    agent.ping().await.unwrap();
    let done = agent.personalise(&Personalise::default()).await.unwrap();
    assert_eq!(done.items, []);
    let error = vsock::connect(&path, 1).await.unwrap_err();
    assert!(
        error
            .to_string()
            .contains("nobody in the guest listens at vsock port 1"),
        "{error}"
    );
}

#[tokio::test]
async fn a_new_greeting_voids_what_was_and_the_agent_goes_on() {
    let agent = agent();
    let mut stream = agent.open().await.unwrap();
    agent.greet();
    assert_eq!(stream.next().await, None);
    agent.ping().await.unwrap();
}

#[tokio::test]
async fn a_stream_that_nobody_reads_delays_no_other() {
    if !rustix::process::geteuid().is_root() {
        return; // only root may become a user, as the agent does
    }
    let agent = agent();
    let mut slow = agent.open().await.unwrap();
    slow.send(message(slow.number(), &sh("head -c 10000000 /dev/zero")).unwrap())
        .await
        .unwrap();
    let mut received = 0;
    // All that the window allows comes, and nothing more.
    while received < WINDOW as usize {
        received += slow.next().await.unwrap().data_length();
    }
    assert_eq!(received, WINDOW as usize);
    tokio::time::timeout(Duration::from_secs(20), agent.ping())
        .await
        .unwrap()
        .unwrap();
    let mut quick = agent.open().await.unwrap();
    quick
        .send(message(quick.number(), &sh("echo out; echo err >&2; exit 3")).unwrap())
        .await
        .unwrap();
    let (mut out, mut err, mut last) = (Vec::new(), Vec::new(), None);
    while let Some(frame) = quick.next().await {
        match frame.kind {
            Kind::Data => out.extend(frame.payload),
            Kind::ErrorData => err.extend(frame.payload),
            Kind::Message => last = serde_json::from_slice::<Reply>(&frame.payload).ok(),
            Kind::Close => break,
            Kind::End | Kind::Credit => {}
        }
    }
    assert_eq!((out, err), (b"out\n".to_vec(), b"err\n".to_vec()));
    assert_eq!(last, Some(Reply::Exited(Exit::Code(3))));
}
