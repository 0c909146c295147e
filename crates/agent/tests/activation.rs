//! Runs `kindling-agent --http` at a socket that is passed to it as systemd passes one.

#![expect(
    clippy::disallowed_methods,
    reason = "a program of the guest, as systemd starts it"
)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const AGENT: &str = env!("CARGO_BIN_EXE_kindling-agent");

/// Makes standard input the first passed descriptor and sets the variables of sd_listen_fds(3); `$$` is the number that
/// the program will have.
const PASS: &str = "LISTEN_FDS=1 LISTEN_PID=$$ exec \"$@\" 3<&0 0</dev/null";

/// The program, ended when dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_passed_socket_is_served() {
    for address in ["127.0.0.1:0", "[::1]:0"] {
        let Ok(listener) = TcpListener::bind(address) else {
            assert_ne!(address, "127.0.0.1:0", "a machine without IPv4");
            continue;
        };
        let address = listener.local_addr().unwrap();
        let passed = Stdio::from(OwnedFd::from(listener));
        let started = Command::new("sh")
            .args(["-c", PASS, "-", AGENT, "--http"])
            .stdin(passed)
            .spawn();
        let _running = Running(started.unwrap());
        // The kernel takes the connection already; the program's answer comes when it is there.
        let mut client = TcpStream::connect(address).unwrap();
        client
            .set_read_timeout(Some(Duration::from_secs(30)))
            .unwrap();
        write!(client, "GET /health HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).unwrap();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
}

#[test]
fn other_descriptors_are_left_alone() {
    let run = |script: &str, stdin: Stdio| {
        let output = Command::new("sh")
            .args(["-c", script, "-", AGENT, "--http"])
            .stdin(stdin)
            .output()
            .unwrap();
        (
            output.status.code(),
            String::from_utf8(output.stderr).unwrap(),
        )
    };
    let expected = "kindling-agent: http: systemd passed no socket; say an address to listen at\n";
    let expected = (Some(1), expected.to_owned());
    assert_eq!(run("exec \"$@\"", Stdio::null()), expected);
    // Passed to another process.
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let foreign = PASS.replace("$$", "1");
    let socket = Stdio::from(OwnedFd::from(listener));
    assert_eq!(run(&foreign, socket), expected);
    // Not a socket.
    let (code, complaint) = run(PASS, Stdio::null());
    assert_eq!(code, Some(1));
    assert!(complaint.contains("fd 3 is not a socket"), "{complaint}");
}
