//! HTTP/1.1 over a Unix socket, one request at a time.
//!
//! The bytes of an answer's head are parsed by `httparse`, the parser of hyper. The rest of hyper is left out: its
//! connection is a task of its own with six crates around it, for bodies in chunks, upgrades and pipelining, none of
//! which Firecracker's server has (`micro-http` answers in order, with a `Content-Length` or without a body).

use std::fs::File;

use kindling_base::{Context, Error, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

use super::reply::{self, Reply};
use crate::sys::short_path;

/// A connection that is kept from request to request: Firecracker takes at most ten of them.
#[derive(Debug)]
pub(super) struct Connection {
    stream: UnixStream,
    /// Bytes that were read and belong to no answer yet.
    buffer: Vec<u8>,
    /// A request was sent whose answer has not been read to its end: what comes next cannot be told apart.
    waiting: bool,
}

impl Connection {
    pub(super) async fn open(folder: &File, name: &str) -> std::io::Result<Self> {
        let stream = UnixStream::connect(short_path(folder, name)).await?;
        Ok(Self::of(stream))
    }

    pub(super) fn of(stream: UnixStream) -> Self {
        Self {
            stream,
            buffer: Vec::new(),
            waiting: false,
        }
    }

    /// Sends a request and reads the answer, whatever its status.
    ///
    /// # Errors
    /// The connection broke, the bytes that came are not an answer, or an earlier request was given up.
    pub(super) async fn request(&mut self, method: &str, path: &str, body: &[u8]) -> Result<Reply> {
        if self.waiting {
            return Err(Error::external(
                "Firecracker has not answered an earlier request",
            ));
        }
        self.waiting = true;
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nAccept: application/json\r\n");
        let mut request = head.into_bytes();
        if !body.is_empty() {
            let fields = format!(
                "Content-Type: application/json\r\nContent-Length: {}\r\n",
                body.len()
            );
            request.extend_from_slice(fields.as_bytes());
        }
        request.extend_from_slice(b"\r\n");
        request.extend_from_slice(body);
        self.stream
            .write_all(&request)
            .await
            .context("cannot send to Firecracker")?;
        let reply = self.reply().await?;
        self.waiting = false;
        Ok(reply)
    }

    async fn reply(&mut self) -> Result<Reply> {
        loop {
            let parsed = reply::parse(&self.buffer)
                .map_err(|error| Error::external("cannot understand Firecracker").because(error))?;
            if let Some((reply, length)) = parsed {
                self.buffer.drain(..length);
                return Ok(reply);
            }
            let read = self.stream.read_buf(&mut self.buffer).await;
            if read.context("cannot read from Firecracker")? == 0 {
                return Err(Error::external(
                    "Firecracker closed the connection before it answered",
                ));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers with `pieces`, each written by itself, once a whole head and body of a request are there.
    async fn answered(
        pieces: &'static [&'static str],
    ) -> (Connection, tokio::task::JoinHandle<String>) {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let server = tokio::spawn(async move {
            let mut seen = vec![0; 4096];
            let count = theirs.read(&mut seen).await.unwrap();
            for piece in pieces {
                theirs.write_all(piece.as_bytes()).await.unwrap();
                tokio::task::yield_now().await;
            }
            String::from_utf8_lossy(&seen[..count]).into_owned()
        });
        (Connection::of(ours), server)
    }

    #[tokio::test]
    async fn an_answer_may_come_in_pieces() {
        let (mut connection, server) = answered(&[
            "HTTP/1.1 400 \r\nServer: Firecracker API\r\nContent-",
            "Length: 22\r\n\r\n{\"fault_message\"",
            ":\"no\"}",
        ])
        .await;
        let reply = connection.request("PUT", "/vsock", b"{}").await.unwrap();
        assert_eq!((reply.status, reply.fault()), (400, "no".to_owned()));
        let asked = server.await.unwrap();
        assert!(asked.starts_with("PUT /vsock HTTP/1.1\r\n"), "{asked}");
        assert!(asked.ends_with("Content-Length: 2\r\n\r\n{}"), "{asked}");
    }

    #[tokio::test]
    async fn an_answer_that_never_came_is_not_mistaken_for_the_next() {
        let (mut connection, server) = answered(&["HTTP/1.1 204 \r\n"]).await;
        let error = connection
            .request("GET", "/version", b"")
            .await
            .unwrap_err();
        assert!(
            error.to_string().contains("closed the connection"),
            "{error}"
        );
        server.await.unwrap();
        let error = connection
            .request("GET", "/version", b"")
            .await
            .unwrap_err();
        assert!(error.to_string().contains("earlier request"), "{error}");
    }
}
