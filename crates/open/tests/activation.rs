//! Runs `kindling-open --serve` at a socket that is passed to it as systemd passes one.

#![expect(
    clippy::disallowed_methods,
    reason = "a program of the guest, as systemd starts it"
)]

use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const OPEN: &str = env!("CARGO_BIN_EXE_kindling-open");

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
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("socket");
    let passed = Stdio::from(OwnedFd::from(UnixListener::bind(&path).unwrap()));
    let started = Command::new("sh")
        .args(["-c", PASS, "-", OPEN, "--serve"])
        .stdin(passed)
        .spawn();
    let _running = Running(started.unwrap());
    let mut client = UnixStream::connect(&path).unwrap();
    client
        .set_read_timeout(Some(Duration::from_secs(30)))
        .unwrap();
    client.write_all(b"soon http://a/\n").unwrap();
    let mut answer = String::new();
    client.read_to_string(&mut answer).unwrap();
    assert!(answer.contains("`soon` are no seconds"), "{answer}");
}

#[test]
fn without_one_it_says_who_starts_it() {
    let output = Command::new(OPEN).arg("--serve").output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    let complaint = String::from_utf8(output.stderr).unwrap();
    assert!(complaint.contains("kindling-open.socket"), "{complaint}");
}
