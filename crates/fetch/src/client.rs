//! The HTTP client: gets one file, and tries again where what failed may pass.

use std::fs::File;
use std::io::{self, Read, Write};
use std::sync::OnceLock;
use std::time::Duration;

use kindling_base::{Context, Result, cancel};
use ureq::Agent;

use crate::connections::agent;
use crate::get_error::{GetError, Reason};

/// How often a fetch is tried when what failed may pass, and how long to wait between two tries.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    /// Tries in all, at least 1.
    pub attempts: u32,
    /// Wait before the second try; it doubles with each further one.
    pub first: Duration,
    /// Longest wait.
    pub cap: Duration,
}

impl Default for Backoff {
    /// Four tries within four seconds of waiting: a restarting mirror is met again, a dead one soon known.
    fn default() -> Self {
        Self {
            attempts: 4,
            first: Duration::from_millis(500),
            cap: Duration::from_secs(4),
        }
    }
}

/// A client for `http`, `https` and `file` addresses that keeps its connections; shared between threads.
#[derive(Debug, Default)]
pub struct Client {
    backoff: Backoff,
    plain: OnceLock<Agent>,
    secure: OnceLock<Agent>,
}

impl Client {
    /// A client that retries as `backoff` says.
    pub fn new(backoff: Backoff) -> Self {
        Self {
            backoff,
            ..Self::default()
        }
    }

    /// Fetches `url`, at most `limit` bytes of it, into a writer that `open` makes anew for each try.
    ///
    /// # Errors
    /// The last try failed, or `open` or the writer did.
    pub fn get<W: Write>(
        &self,
        url: &str,
        limit: u64,
        open: impl FnMut() -> Result<W>,
    ) -> Result<W, GetError> {
        self.get_with(url, &[], limit, open)
    }

    /// As [`Client::get`], with header fields of the request. Credentials among them go to this address only, not to
    /// one that it redirects to.
    ///
    /// # Errors
    /// As [`Client::get`].
    pub fn get_with<W: Write>(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        limit: u64,
        mut open: impl FnMut() -> Result<W>,
    ) -> Result<W, GetError> {
        let mut wait = self.backoff.first;
        let mut attempts = 1;
        loop {
            let reason = match self.get_once(url, headers, limit, &mut open) {
                Ok(writer) => return Ok(writer),
                Err(reason) => reason,
            };
            if !reason.may_pass() || attempts >= self.backoff.attempts {
                return Err(GetError {
                    url: url.to_owned(),
                    attempts,
                    reason,
                });
            }
            std::thread::sleep(wait.min(self.backoff.cap));
            wait *= 2;
            attempts += 1;
        }
    }

    fn get_once<W: Write>(
        &self,
        url: &str,
        headers: &[(&str, &str)],
        limit: u64,
        open: &mut impl FnMut() -> Result<W>,
    ) -> Result<W, Reason> {
        if let Some(path) = url.strip_prefix("file://") {
            let file = File::open(path).map_err(|error| match error.kind() {
                io::ErrorKind::NotFound => Reason::Missing,
                _ => Reason::Unusable(error.to_string()),
            })?;
            return copy(file, None, limit, open);
        }
        let mut request = self.agent(url)?.get(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut response = request.call().map_err(Reason::from_transport)?;
        match response.status().as_u16() {
            200 => {}
            404 | 410 => return Err(Reason::Missing),
            status => return Err(Reason::Status(status)),
        }
        let length = response.body().content_length();
        let reader = response
            .body_mut()
            .with_config()
            .limit(u64::MAX) // the limit is ours, whose error tells what was expected
            .reader();
        copy(reader, length, limit, open)
    }

    fn agent(&self, url: &str) -> Result<&Agent, Reason> {
        let secure = url.starts_with("https://");
        let cell = if secure { &self.secure } else { &self.plain };
        if let Some(agent) = cell.get() {
            return Ok(agent);
        }
        let agent = agent(secure).map_err(Reason::Local)?;
        Ok(cell.get_or_init(|| agent))
    }
}

/// Copies a body into a fresh writer. `length` is what its sender announced, `limit` what it may be.
fn copy<W: Write>(
    mut body: impl Read,
    length: Option<u64>,
    limit: u64,
    open: &mut impl FnMut() -> Result<W>,
) -> Result<W, Reason> {
    if length.is_some_and(|length| length > limit) {
        return Err(Reason::TooLong(limit));
    }
    let mut writer = open().map_err(Reason::Local)?;
    let mut buffer = vec![0; 64 << 10];
    let mut received = 0;
    let failed = loop {
        cancel::check().map_err(Reason::Local)?;
        match body.read(&mut buffer) {
            Ok(0) => break None,
            Ok(count) => {
                received += count as u64;
                if received > limit {
                    return Err(Reason::TooLong(limit));
                }
                writer
                    .write_all(&buffer[..count])
                    .context("cannot store a download")
                    .map_err(Reason::Local)?;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Some(error),
        }
    };
    match (failed, length) {
        (_, Some(expected)) if received < expected => Err(Reason::Truncated { expected, received }),
        (Some(error), _) => Err(Reason::Unreachable(error.to_string())),
        (None, _) => Ok(writer),
    }
}
