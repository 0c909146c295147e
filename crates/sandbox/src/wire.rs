//! The messages between builder and helper, on the socket that is the helper's standard input.
//!
//! The helper sends one JSON value a line. The builder answers [`Message::Unshared`] with a line feed, on which the outer
//! process goes on, and the job for the inner one: its name, the length of its input in bytes, a line feed, the input.

use std::io::{BufRead, BufReader, Read, Write, stdin};
use std::os::fd::AsFd;

use kindling_base::{Context, Error, Failure, Result};
use serde::{Deserialize, Serialize};

/// One message to the builder.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Message {
    /// The namespaces are made; the user's ids can be mapped.
    Unshared,
    /// So much of the job is done.
    Progress(u64),
    /// The job is done.
    Done,
    /// The job failed.
    Failed(Failure),
}

/// Sends a message. A builder that is gone does not matter: its death ends the helper.
pub(crate) fn send(message: &Message) {
    let Ok(mut line) = serde_json::to_vec(message) else {
        return;
    };
    line.push(b'\n');
    let mut rest = line.as_slice();
    while !rest.is_empty() {
        match rustix::io::write(stdin().as_fd(), rest) {
            Ok(written) if written > 0 => rest = &rest[written..],
            Err(rustix::io::Errno::INTR) => {}
            _ => return,
        }
    }
}

/// Lets the outer process go on and gives the inner one its job.
pub(crate) fn send_job(mut socket: impl Write, name: &str, input: &[u8]) -> std::io::Result<()> {
    let head = format!("\n{name} {}\n", input.len());
    socket.write_all(&[head.as_bytes(), input].concat())
}

/// Waits until the builder lets the outer process go on.
pub(crate) fn wait_to_go_on() -> Result<()> {
    // One byte, no more: what follows on the socket is for the inner process.
    let mut go = [0; 1];
    rustix::io::read(stdin().as_fd(), &mut go)
        .map(drop)
        .context("cannot hear from the builder")
}

/// Receives the name of the job and its input.
pub(crate) fn receive_job() -> Result<(String, Vec<u8>)> {
    read_job(BufReader::new(stdin()))
}

fn read_job(mut from: impl BufRead) -> Result<(String, Vec<u8>)> {
    let mut head = String::new();
    from.read_line(&mut head)
        .context("cannot receive the sandbox's job")?;
    let parsed = head.trim_end().split_once(' ');
    let (name, length) = parsed
        .and_then(|(name, length)| Some((name, length.parse::<u64>().ok()?)))
        .ok_or_else(|| {
            Error::internal(format!(
                "the sandbox's job begins with `{}`",
                head.trim_end()
            ))
        })?;
    let mut input = Vec::new();
    from.take(length)
        .read_to_end(&mut input)
        .context("cannot receive the sandbox's job")?;
    if (input.len() as u64) < length {
        return Err(Error::internal(format!(
            "the sandbox's job `{name}` ends early: expected {length} bytes, received {}",
            input.len()
        )));
    }
    Ok((name.to_owned(), input))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_arrives_with_any_bytes_and_never_in_part() {
        let mut sent = Vec::new();
        send_job(&mut sent, "x", b"\n\0\xff").unwrap();
        assert_eq!(sent[0], b'\n', "for the outer process");
        let (name, input) = read_job(&sent[1..]).unwrap();
        assert_eq!((name.as_str(), input.as_slice()), ("x", &b"\n\0\xff"[..]));
        let error = read_job(&sent[1..sent.len() - 1]).unwrap_err();
        assert!(
            error.to_string().ends_with("expected 3 bytes, received 2"),
            "{error}"
        );
        for bad in ["", "x\n", "x y\n", "x -1\n"] {
            assert!(read_job(bad.as_bytes()).is_err(), "{bad:?}");
        }
    }
}
