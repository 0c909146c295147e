//! Firecracker's API: one persistent connection over its Unix socket, typed bodies, and its own words in our errors.

pub(super) mod body;
mod connection;
mod reply;

use std::time::Duration;

use kindling_base::{Error, Result};
use serde::{Deserialize, Serialize};

use self::connection::Connection;
use super::version::Version;

/// Configuring answers in a millisecond; a loaded host takes longer.
const ANSWER: Duration = Duration::from_secs(10);

/// Starting, loading and saving touch the guest's memory: gigabytes on a slow disk.
const LONG_ANSWER: Duration = Duration::from_secs(120);

/// A MiB on a slow disk: 20 MB/s.
const SLOW_DISK: Duration = Duration::from_millis(50);

/// A connection to a Firecracker.
#[derive(Debug)]
pub(super) struct Api {
    connection: Connection,
}

impl Api {
    /// Connects to the socket `name` in the open folder `folder`.
    ///
    /// # Errors
    /// As [`std::os::unix::net::UnixStream::connect`].
    pub(super) async fn connect(folder: &std::fs::File, name: &str) -> std::io::Result<Self> {
        let connection = Connection::open(folder, name).await?;
        Ok(Self { connection })
    }

    /// Over a stream that is connected already.
    #[cfg(test)]
    pub(super) fn over(stream: tokio::net::UnixStream) -> Self {
        Self {
            connection: Connection::of(stream),
        }
    }

    /// Any request.
    #[cfg(test)]
    pub(super) async fn raw(
        &mut self,
        method: &'static str,
        path: &str,
        body: &serde_json::Value,
    ) -> Result<()> {
        self.with_body(method, path, body, ANSWER).await
    }

    /// Firecracker's version, as it tells it over this connection.
    ///
    /// # Errors
    /// It does not answer as it should.
    pub(super) async fn version(&mut self) -> Result<Version> {
        #[derive(Deserialize)]
        struct Answer {
            firecracker_version: String,
        }
        let body = self.send("GET", "/version", &[], ANSWER).await?;
        let answer: Answer = serde_json::from_slice(&body).map_err(|error| {
            Error::external("Firecracker's version does not parse").because(error)
        })?;
        let text = answer.firecracker_version;
        text.parse().map_err(|error| {
            Error::external(format!("Firecracker calls its version `{text}`")).because(error)
        })
    }

    /// `PUT path`.
    ///
    /// # Errors
    /// Firecracker refuses (the error has its `fault_message`), or does not answer in time.
    pub(super) async fn put(&mut self, path: &str, body: &impl Serialize) -> Result<()> {
        self.with_body("PUT", path, body, ANSWER).await
    }

    /// `PUT path`, for what may take long.
    ///
    /// # Errors
    /// As [`Api::put`].
    pub(super) async fn put_long(&mut self, path: &str, body: &impl Serialize) -> Result<()> {
        self.with_body("PUT", path, body, LONG_ANSWER).await
    }

    /// `PUT path`, for what writes so much memory to a disk.
    ///
    /// # Errors
    /// As [`Api::put`].
    pub(super) async fn put_writing(
        &mut self,
        path: &str,
        body: &impl Serialize,
        memory_mib: u32,
    ) -> Result<()> {
        let deadline = LONG_ANSWER + SLOW_DISK * memory_mib;
        self.with_body("PUT", path, body, deadline).await
    }

    /// `PATCH path`.
    ///
    /// # Errors
    /// As [`Api::put`].
    pub(super) async fn patch(&mut self, path: &str, body: &impl Serialize) -> Result<()> {
        self.with_body("PATCH", path, body, LONG_ANSWER).await
    }

    async fn with_body(
        &mut self,
        method: &'static str,
        path: &str,
        body: &impl Serialize,
        deadline: Duration,
    ) -> Result<()> {
        let body = serde_json::to_vec(body)
            .map_err(|error| Error::internal("cannot write a request as JSON").because(error))?;
        self.send(method, path, &body, deadline).await.map(drop)
    }

    async fn send(
        &mut self,
        method: &'static str,
        path: &str,
        body: &[u8],
        deadline: Duration,
    ) -> Result<Vec<u8>> {
        let what = || format!("{method} {path}");
        let reply = self.connection.request(method, path, body);
        let reply = match tokio::time::timeout(deadline, reply).await {
            Ok(reply) => reply.map_err(|error| error.within(what()))?,
            Err(_) => {
                return Err(Error::external(format!(
                    "{}: Firecracker does not answer within {} s",
                    what(),
                    deadline.as_secs()
                )));
            }
        };
        if (200..300).contains(&reply.status) {
            return Ok(reply.body);
        }
        let error = Error::external(format!("Firecracker refuses {}: {}", what(), reply.fault()))
            .note(format!("status: {}", reply.status));
        Err(if body.is_empty() {
            error
        } else {
            error.note(format!("request: {}", String::from_utf8_lossy(body)))
        })
    }
}
