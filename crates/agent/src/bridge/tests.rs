//! The bridge over real sockets, between a viewer and a server in the place of a VNC server.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::sync::mpsc;
use std::thread;

use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::{ClientRequestBuilder, Message, WebSocket};

use super::*;

/// How long a bridge waits for a server that is not there.
const SHORT: Duration = Duration::from_secs(1);

/// The limit of every wait for an event: only a failing test takes that long.
const LIMIT: Duration = Duration::from_secs(30);

/// A bridge to a server that does `work` with each connection; returns its address.
fn bridge(work: impl Fn(TcpStream) + Send + Sync + Clone + 'static) -> SocketAddr {
    let server = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = server.local_addr().unwrap();
    thread::spawn(move || {
        for stream in server.incoming() {
            let work = work.clone();
            thread::spawn(move || work(stream.unwrap()));
        }
    });
    serve_at(address, std::env::temp_dir(), LIMIT)
}

fn serve_at(server: SocketAddr, web: std::path::PathBuf, patience: Duration) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let address = listener.local_addr().unwrap();
    let options = Options {
        server,
        web,
        patience,
        ..Options::default()
    };
    thread::spawn(move || serve(&listener, options));
    address
}

/// A viewer's WebSocket.
fn view_at(bridge: SocketAddr) -> WebSocket<TcpStream> {
    let stream = TcpStream::connect(bridge).unwrap();
    stream.set_nodelay(true).unwrap();
    let uri = format!("ws://{bridge}/websockify").parse().unwrap();
    let request = ClientRequestBuilder::new(uri).with_sub_protocol("binary");
    tungstenite::client(request, stream).unwrap().0
}

fn echo(mut stream: TcpStream) {
    stream.write_all(b"RFB 003.008\n").unwrap();
    let mut copy = stream.try_clone().unwrap();
    let _ = std::io::copy(&mut copy, &mut stream);
}

/// The bytes of the next message.
fn bytes(viewer: &mut WebSocket<TcpStream>) -> Vec<u8> {
    match viewer.read().unwrap() {
        Message::Binary(bytes) => bytes.into(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn bytes_go_both_ways() {
    let bridge = bridge(echo);
    let mut viewer = view_at(bridge);
    assert_eq!(bytes(&mut viewer), b"RFB 003.008\n");
    for message in [
        vec![7; 1],
        vec![1, 2, 3],
        vec![9; 300_000],
        Vec::new(),
        vec![5; 2],
    ] {
        viewer
            .send(Message::Binary(message.clone().into()))
            .unwrap();
        let mut back = Vec::new();
        while back.len() < message.len() {
            back.extend(bytes(&mut viewer));
        }
        assert_eq!(back, message);
    }
    viewer
        .send(Message::Ping(b"there?".as_slice().into()))
        .unwrap();
    assert_eq!(
        viewer.read().unwrap(),
        Message::Pong(b"there?".as_slice().into())
    );
}

/// A viewer that does not read slows the server down: what lies between them is bounded.
#[test]
fn a_slow_viewer_fills_no_memory() {
    const ALL: usize = 64 << 20;
    let (full, filled) = mpsc::channel();
    let flood = move |mut stream: TcpStream| {
        let piece = vec![1; 1 << 20];
        let mut sent = 0;
        // A write that makes no headway for that long: the buffers are full. Then as long as it takes.
        stream
            .set_write_timeout(Some(Duration::from_millis(300)))
            .unwrap();
        while sent < ALL {
            let most = piece.len().min(ALL - sent);
            match stream.write(&piece[..most]) {
                Ok(count) => sent += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    stream.set_write_timeout(None).unwrap();
                    full.send(sent).unwrap();
                }
                Err(error) => panic!("{error}"),
            }
        }
        let _ = full.send(sent); // nobody listens any more where the buffers were full
    };
    let mut viewer = view_at(bridge(flood));
    let sent = filled.recv_timeout(LIMIT).unwrap();
    assert!(sent < ALL / 2, "{sent} bytes are on their way");
    let mut received = 0;
    while received < ALL {
        received += bytes(&mut viewer).len();
    }
    assert_eq!(received, ALL);
}

/// A viewer who comes before the VNC server is there is connected when that is.
#[test]
fn a_server_that_is_still_starting_is_waited_for() {
    // Of an address of its own, so that no other test takes the port meanwhile.
    let reserved = TcpListener::bind(("127.0.0.2", 0)).unwrap();
    let server = reserved.local_addr().unwrap();
    drop(reserved);
    let bridge = serve_at(server, std::env::temp_dir(), LIMIT);
    let viewer = thread::spawn(move || bytes(&mut view_at(bridge)));
    // The bridge's own attempts cannot be seen: ours are refused as many times first.
    for _ in 0..3 {
        let refused = TcpStream::connect(server).unwrap_err();
        assert_eq!(refused.kind(), ConnectionRefused);
    }
    let listener = TcpListener::bind(server).unwrap();
    let (mut stream, _) = listener.accept().unwrap();
    stream.write_all(b"RFB 003.008\n").unwrap();
    assert_eq!(viewer.join().unwrap(), b"RFB 003.008\n");
}

/// The same with every step in its place: refused for certain, then accepted.
#[test]
fn a_refused_connection_is_tried_again() {
    let reserved = TcpListener::bind(("127.0.0.4", 0)).unwrap();
    let server = reserved.local_addr().unwrap();
    drop(reserved);
    let (mut attempts, mut listener) = (0, None);
    let connected = until_accepted(LIMIT, || {
        attempts += 1;
        if attempts == 3 {
            listener = Some(TcpListener::bind(server)?);
        }
        TcpStream::connect_timeout(&server, CONNECTING)
    });
    assert!(connected.is_ok() && listener.is_some());
    assert_eq!(attempts, 3);
    // Other errors end it at once, and so does the end of patience.
    let mut attempts = 0;
    let ended = until_accepted(LIMIT, || {
        attempts += 1;
        Err::<(), _>(io::ErrorKind::HostUnreachable.into())
    });
    assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::HostUnreachable);
    assert_eq!(attempts, 1);
    let ended = until_accepted(Duration::ZERO, || Err::<(), _>(ConnectionRefused.into()));
    assert_eq!(ended.unwrap_err().kind(), ConnectionRefused);
}

#[test]
fn goodbyes_reach_the_other_side() {
    // The server goes.
    let mut viewer = view_at(bridge(|mut stream| stream.write_all(b"bye").unwrap()));
    assert_eq!(bytes(&mut viewer), b"bye");
    let Message::Close(Some(frame)) = viewer.read().unwrap() else {
        panic!("no goodbye");
    };
    assert_eq!(frame.code, CloseCode::Away);
    assert_eq!(frame.reason.as_str(), "the VNC server has gone");
    // Text is not VNC.
    let mut viewer = view_at(bridge(|mut stream| {
        let _ = stream.read_to_end(&mut Vec::new());
    }));
    viewer.send(Message::Text("hello".into())).unwrap();
    assert!(
        matches!(viewer.read().unwrap(), Message::Close(Some(frame)) if frame.code == CloseCode::Unsupported)
    );
    // The viewer goes, and the server sees the end.
    let (end, ended) = mpsc::channel();
    let mut viewer = view_at(bridge(move |mut stream| {
        stream.read_to_end(&mut Vec::new()).unwrap();
        end.send(()).unwrap();
    }));
    viewer.close(None).unwrap();
    assert!(matches!(viewer.read().unwrap(), Message::Close(_)));
    assert_eq!(ended.recv_timeout(LIMIT), Ok(()), "the server still waits");
}

/// The answer to some bytes.
fn ask(bridge: SocketAddr, text: &str) -> String {
    let mut stream = TcpStream::connect(bridge).unwrap();
    stream.write_all(text.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

const HANDSHAKE: &str = "GET /websockify HTTP/1.1\r\nHost: g\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                         Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

#[test]
fn what_cannot_be_is_said() {
    let nobody = TcpListener::bind(("127.0.0.3", 0))
        .unwrap()
        .local_addr()
        .unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("vnc.html"), "<p>noVNC").unwrap();
    let bridge = serve_at(nobody, folder.path().to_owned(), SHORT);
    let refused = ask(bridge, HANDSHAKE);
    assert!(
        refused.starts_with("HTTP/1.1 502 Bad Gateway\r\n"),
        "{refused}"
    );
    assert!(
        refused.contains(&format!("no VNC server answers at {nobody}")),
        "{refused}"
    );
    let foreign = HANDSHAKE.replace("Host: g", "Host: g\r\nOrigin: https://example.org");
    assert!(ask(bridge, &foreign).starts_with("HTTP/1.1 403 Forbidden\r\n"));
    let page = ask(
        bridge,
        "GET /vnc.html?autoconnect=true HTTP/1.1\r\nHost: g\r\n\r\n",
    );
    assert!(
        page.starts_with("HTTP/1.1 200 OK\r\n") && page.ends_with("<p>noVNC"),
        "{page}"
    );
    let outside = ask(bridge, "GET /../vnc.html HTTP/1.1\r\nHost: g\r\n\r\n");
    assert!(outside.starts_with("HTTP/1.1 404 "), "{outside}");
    assert!(ask(bridge, "nonsense\r\n\r\n").starts_with("HTTP/1.1 400 "));
}

#[test]
fn bytes_that_are_no_frames_end_the_connection() {
    let mut stream = TcpStream::connect(bridge(echo)).unwrap();
    stream.write_all(HANDSHAKE.as_bytes()).unwrap();
    // A client waits for the answer before it sends frames: RFC 6455, section 4.1.
    let mut answer = Vec::new();
    let mut byte = [0];
    while !answer.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte).unwrap();
        answer.push(byte[0]);
    }
    assert!(answer.starts_with(b"HTTP/1.1 101 "));
    stream.write_all(&[0xff; 64]).unwrap();
    let mut rest = Vec::new();
    // Closed with bytes that nobody has read, a connection may be reset.
    let _ = stream.read_to_end(&mut rest);
    let goodbye = [&1002_u16.to_be_bytes()[..], b"this is no WebSocket"].concat();
    assert!(rest.ends_with(&goodbye), "{rest:?}");
}
