//! Bytes between a program and its stream.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;

use kindling_protocol::Kind;
use rustix::event::{PollFd, PollFlags, poll};

use crate::stream::Stream;

/// Bytes moved at a time.
const BUFFER: usize = 16 << 10;

/// The end of input for a terminal's program: Ctrl-D (`c_cc[VEOF]`, by default).
const END_OF_INPUT: u8 = 4;

/// Sends what the program writes, until it closes its end or has `ended`. Of a program in the background that it leaves
/// behind with the pipe, only what was written by then is sent: nobody would wait for it.
pub(super) fn output(mut file: &File, ended: &OwnedFd, stream: &Stream, kind: Kind) {
    let mut buffer = vec![0; BUFFER];
    loop {
        let over = wait(file, PollFlags::IN, ended);
        match file.read(&mut buffer) {
            Ok(0) => return,
            Ok(count) => {
                if stream.send(kind, &buffer[..count]).is_err() {
                    return; // the program's end is under way
                }
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && !over => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(_) => return, // a terminal that its last program has closed: EIO
        }
    }
}

/// Gives the program what comes, until it closes its end or has `ended`.
pub(super) fn input(file: Option<File>, terminal: bool, ended: &OwnedFd, mut stream: &Stream) {
    let mut buffer = vec![0; BUFFER];
    if let Some(file) = file {
        loop {
            let count = match stream.read(&mut buffer) {
                Ok(0) if terminal => {
                    let _ = give(&file, &[END_OF_INPUT], ended);
                    break;
                }
                Ok(0) | Err(_) => break,
                Ok(count) => count,
            };
            if give(&file, &buffer[..count], ended).is_err() {
                break;
            }
        }
    }
    // Who sends more shall not wait for a program that does not read.
    stream.stop_reading();
}

fn give(mut file: &File, mut bytes: &[u8], ended: &OwnedFd) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if wait(file, PollFlags::OUT, ended) {
                    return Err(error);
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Waits until `file` is ready or the program has ended; returns whether it has.
fn wait(file: &File, ready: PollFlags, ended: &OwnedFd) -> bool {
    let mut fds = [PollFd::new(file, ready), PollFd::new(ended, PollFlags::IN)];
    // Without an answer nothing is known to have ended: the file itself will tell.
    let _ = poll(&mut fds, None);
    !fds[1].revents().is_empty()
}
