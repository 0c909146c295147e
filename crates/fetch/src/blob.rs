//! Downloads of files that a hash promises, into the store.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use kindling_base::{Error, Event, Reporter, Result, Unit};
use kindling_store::{BlobWriter, Store};

use crate::client::Client;
use crate::get_error::{GetError, all_failed};

/// The longest file of unknown size: a kernel's source is a tenth of this.
const LONGEST: u64 = 2 << 30;

/// A file that an index, a lock or a recipe promises.
pub struct Promise<'a> {
    /// Addresses that may hold it, to be tried in order.
    pub urls: &'a [String],
    /// Its name, for a person.
    pub name: &'a str,
    /// Its length in bytes, where that is known.
    pub size: Option<u64>,
    /// Its SHA-256, lowercase hexadecimal.
    pub sha256: &'a str,
}

/// Fetches a file that is known by its hash only, unless the store has it; returns its path.
///
/// Reports [`Event::Progress`] in bytes for the stage `download`.
///
/// # Errors
/// It cannot be fetched or is not what was promised; the error shows both sides.
pub fn fetch_url(
    client: &Client,
    url: &str,
    sha256: &str,
    store: &Store,
    reporter: &dyn Reporter,
) -> Result<PathBuf> {
    let promise = Promise {
        urls: &[url.to_owned()],
        name: url,
        size: None,
        sha256,
    };
    let progress = Progress::new(reporter, "download", None);
    fetch_blob(client, &promise, store, &progress).map_err(|error| error.error)
}

/// The reason why a file could not be fetched, and whether all mirrors answered that they do not have it.
pub struct BlobError {
    /// The whole story.
    pub error: Error,
    /// Whether every mirror works and has no such file.
    pub missing: bool,
}

/// Fetches a file from the first mirror that gives what was promised, unless the store has it; returns its path.
///
/// # Errors
/// No mirror gives it, or what they give is not what was promised; the error shows both sides.
pub fn fetch_blob(
    client: &Client,
    promise: &Promise<'_>,
    store: &Store,
    progress: &Progress<'_>,
) -> Result<PathBuf, BlobError> {
    if let Some(path) = store.blob(promise.sha256) {
        return Ok(path);
    }
    let mut failures = Vec::new();
    let mut wrong = None;
    for url in promise.urls {
        let open = || {
            Ok(Counted {
                blob: Some(store.new_blob()?),
                bytes: 0,
                progress,
            })
        };
        match client.get(url, promise.size.unwrap_or(LONGEST), open) {
            Ok(writer) => match writer.commit(url, promise) {
                Ok(path) => return Ok(path),
                Err(error) => wrong = Some(error),
            },
            Err(failure) => {
                let local = failure.is_local();
                failures.push(failure);
                if local {
                    break;
                }
            }
        }
    }
    let missing = wrong.is_none() && failures.iter().all(GetError::is_missing);
    let error = wrong.unwrap_or_else(|| all_failed(promise.name, failures));
    Err(BlobError { error, missing })
}

/// Bytes of many downloads, reported as one count.
pub struct Progress<'a> {
    reporter: &'a dyn Reporter,
    stage: &'static str,
    total: Option<u64>,
    done: AtomicU64,
}

impl<'a> Progress<'a> {
    /// Starts at zero of `total` bytes, where the total is known.
    pub fn new(reporter: &'a dyn Reporter, stage: &'static str, total: Option<u64>) -> Self {
        Self {
            reporter,
            stage,
            total,
            done: AtomicU64::new(0),
        }
    }

    /// Counts and reports more bytes.
    pub fn add(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.reporter.report(Event::Progress {
            stage: self.stage,
            unit: Unit::Bytes,
            done,
            total: self.total,
        });
    }
}

/// A blob whose bytes count as progress, and no longer do when it is given up.
struct Counted<'a> {
    blob: Option<BlobWriter>,
    bytes: u64,
    progress: &'a Progress<'a>,
}

impl Counted<'_> {
    fn commit(mut self, url: &str, promise: &Promise<'_>) -> Result<PathBuf> {
        let Some(blob) = self.blob.take() else {
            return Err(Error::internal("a download was committed twice"));
        };
        let length = blob.length();
        let result = match promise.size {
            Some(size) if size != length => {
                Err(Error::external(format!("{url} is not what was promised"))
                    .note(format!("expected {size} bytes\nreceived {length} bytes")))
            }
            _ => blob.commit(url, promise.sha256),
        };
        if result.is_ok() {
            self.bytes = 0; // nothing to take back
        }
        result.map_err(|error| {
            error.hint("the mirror is being updated or was tampered with: try again later, or name another one with `--mirror NAME=URL`")
        })
    }
}

impl Write for Counted<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(blob) = &mut self.blob else {
            return Err(io::ErrorKind::BrokenPipe.into());
        };
        let written = blob.write(bytes)?;
        self.bytes += written as u64;
        self.progress.add(written as u64);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.progress.done.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}
