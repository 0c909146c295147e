//! Files of an archive into the store: each checked, many at a time, none fetched twice.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};

use kindling_base::{Error, Event, Reporter, Result, Unit};
use kindling_store::{BlobWriter, Store};

use crate::http::{self, Client};
use crate::lock::LockedPackage;
use crate::mirrors::Mirrors;

/// Packages fetched at a time: enough to hide a mirror's latency, few enough to be polite to it.
const PARALLEL: usize = 8;

/// Why packages could not be fetched.
#[derive(Debug)]
pub enum FetchError {
    /// The mirrors work but no longer have this package: the lock has to be made anew.
    Gone {
        /// The package.
        package: Box<LockedPackage>,
        /// The whole story.
        error: Error,
    },
    /// Anything else.
    Failed(Error),
}

impl From<FetchError> for Error {
    fn from(error: FetchError) -> Self {
        match error {
            FetchError::Gone { error, .. } | FetchError::Failed(error) => error,
        }
    }
}

impl From<Error> for FetchError {
    fn from(error: Error) -> Self {
        Self::Failed(error)
    }
}

/// A file that an index promises.
pub(crate) struct Promise<'a> {
    pub mirrors: &'a [String],
    pub path: &'a str,
    pub size: u64,
    pub sha256: &'a str,
}

/// Fetches the .debs of `packages` that the store lacks, eight at a time, and returns the path of each, in order.
///
/// Reports [`Event::Progress`] in bytes for the stage `download`; what is in the store already counts as done.
///
/// # Errors
/// A mirror failed, after retries; the error names it and says how many packages the store has. Or a file is
/// not what the lock promises.
pub fn fetch_packages(
    client: &Client,
    distribution: &str,
    packages: &[LockedPackage],
    mirrors: &Mirrors,
    store: &Store,
    reporter: &dyn Reporter,
) -> Result<Vec<PathBuf>, FetchError> {
    let missing: Vec<&LockedPackage> = packages
        .iter()
        .filter(|p| store.blob(&p.sha256).is_none())
        .collect();
    let total: u64 = packages.iter().map(|p| p.size).sum();
    let progress = Progress::new(reporter, "download", total);
    progress.add(total - missing.iter().map(|p| p.size).sum::<u64>());
    let next = AtomicUsize::new(0);
    let stop = AtomicBool::new(false);
    let first_error = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..PARALLEL.min(missing.len()) {
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    let Some(package) = missing.get(next.fetch_add(1, Ordering::Relaxed)) else {
                        break;
                    };
                    if let Err(error) =
                        fetch_package(client, distribution, package, mirrors, store, &progress)
                    {
                        stop.store(true, Ordering::Relaxed);
                        lock(&first_error).get_or_insert(error);
                    }
                }
            });
        }
    });
    if let Some(error) = lock(&first_error).take() {
        let have = packages
            .iter()
            .filter(|p| store.blob(&p.sha256).is_some())
            .count();
        let note = format!(
            "{have} of {} packages are in the store and will not be fetched again",
            packages.len()
        );
        return Err(match error {
            FetchError::Failed(error) => FetchError::Failed(error.note(note)),
            FetchError::Gone { package, error } => FetchError::Gone {
                package,
                error: error.note(note),
            },
        });
    }
    packages
        .iter()
        .map(|p| {
            store.blob(&p.sha256).ok_or_else(|| {
                Error::internal(format!("the store lost {} while it was used", p.path)).into()
            })
        })
        .collect()
}

fn fetch_package(
    client: &Client,
    distribution: &str,
    package: &LockedPackage,
    mirrors: &Mirrors,
    store: &Store,
    progress: &Progress<'_>,
) -> Result<(), FetchError> {
    let promise = Promise {
        mirrors: &mirrors.urls(distribution, &package.suite)?,
        path: &package.path,
        size: package.size,
        sha256: &package.sha256,
    };
    match fetch_blob(client, &promise, store, progress) {
        Ok(_) => Ok(()),
        Err(BlobError { error, missing: true }) => Err(FetchError::Gone {
            package: Box::new(package.clone()),
            error: error.hint(format!(
                "{} {} is no longer in the archive: make the lock anew, or name a mirror that keeps old versions",
                package.name, package.version
            )),
        }),
        Err(BlobError { error, .. }) => Err(FetchError::Failed(error)),
    }
}

/// Why a file could not be fetched, and whether all mirrors answered that they do not have it.
pub(crate) struct BlobError {
    pub error: Error,
    pub missing: bool,
}

/// Fetches a file from the first mirror that gives what was promised, unless the store has it.
pub(crate) fn fetch_blob(
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
    for mirror in promise.mirrors {
        let open = || {
            Ok(Counted {
                blob: Some(store.new_blob()?),
                bytes: 0,
                progress,
            })
        };
        let mirror = std::slice::from_ref(mirror);
        match client.get(mirror, promise.path, promise.size, open) {
            Ok((writer, url)) => match writer.commit(&url, promise) {
                Ok(path) => return Ok(path),
                Err(error) => wrong = Some(error),
            },
            Err(failed) => failures.extend(failed),
        }
    }
    let missing = wrong.is_none() && failures.iter().all(http::Failure::is_missing);
    let error = wrong.unwrap_or_else(|| http::failure(promise.path, failures));
    Err(BlobError { error, missing })
}

/// Bytes of many downloads, reported as one count.
pub(crate) struct Progress<'a> {
    reporter: &'a dyn Reporter,
    stage: &'static str,
    total: u64,
    done: AtomicU64,
}

impl<'a> Progress<'a> {
    pub(crate) fn new(reporter: &'a dyn Reporter, stage: &'static str, total: u64) -> Self {
        Self {
            reporter,
            stage,
            total,
            done: AtomicU64::new(0),
        }
    }

    pub(crate) fn add(&self, bytes: u64) {
        let done = self.done.fetch_add(bytes, Ordering::Relaxed) + bytes;
        self.reporter.report(Event::Progress {
            stage: self.stage,
            unit: Unit::Bytes,
            done,
            total: Some(self.total),
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
        let result = if blob.length() == promise.size {
            blob.commit(url, promise.sha256).map_err(|error| {
                error.hint("the mirror is being updated or was tampered with: try again later, or name another one with `--mirror NAME=URL`")
            })
        } else {
            Err(
                Error::external(format!("{url} is not what was promised")).note(format!(
                    "expected {} bytes\nreceived {} bytes",
                    promise.size,
                    blob.length()
                )),
            )
        };
        if result.is_ok() {
            self.bytes = 0; // nothing to take back
        }
        result
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

/// A panic of another thread is passed on by the scope; its lock holds nothing half done.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}
