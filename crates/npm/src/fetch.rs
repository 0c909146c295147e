//! Downloads tarballs into the store: checks and unzips each while it arrives, several at a time, and fetches none twice.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use flate2::write::MultiGzDecoder;
use kindling_base::{Context, Error, Reporter, Result, files, parallel};
use kindling_fetch::{AT_ONCE, Client, FetchError, GetError, Progress, all_failed};
use kindling_npm_tree::{LockedNpm, STAGE, TARBALL, integrity, key, stored};
use kindling_store::Store;
use sha2::{Digest, Sha512};

use crate::registry::Registries;

/// Longest tarball, and longest unzipped: ten times what the largest programs of today have.
const LONGEST: u64 = 4 << 30;

/// Fetches what the store lacks of `packages` and returns the unzipped tarball of each, in order.
///
/// Reports [`kindling_base::Event::Progress`] in bytes for the stage `download`.
///
/// # Errors
/// The registry failed, after retries, or a tarball is not what the lock promises; the error shows both sides.
pub fn fetch(
    packages: &[LockedNpm],
    client: &Client,
    registries: &Registries,
    store: &Store,
    reporter: &dyn Reporter,
) -> Result<Vec<PathBuf>, FetchError> {
    let keys: Vec<String> = packages.iter().map(key).collect::<Result<_>>()?;
    let progress = Progress::new(reporter, "download", None);
    let wanted: Vec<_> = packages.iter().zip(&keys).collect();
    parallel::each(&wanted, AT_ONCE, |(package, key)| {
        fetch_one(package, key, client, registries, store, &progress)
    })?;
    let lost = || Error::internal("the store lost a package of npm while it was used");
    Ok(stored(packages, store)?.ok_or_else(lost)?)
}

fn fetch_one(
    package: &LockedNpm,
    key: &str,
    client: &Client,
    registries: &Registries,
    store: &Store,
    progress: &Progress<'_>,
) -> Result<(), FetchError> {
    let mut gone = false;
    let make = |out: &Path| download(package, out, client, registries, progress, &mut gone);
    let made = store.stage_or_make(STAGE, key, || {}, make);
    made.map(drop).map_err(|error| match gone {
        true => FetchError::Gone {
            package: format!("{} {}", package.name, package.version),
            error: error.hint(format!(
                "{} {} is no longer in the registry: make the lock anew with `cargo xtask lock --update {}`",
                package.name, package.version, package.name
            )),
        },
        false => FetchError::Failed(error),
    })
}

fn download(
    package: &LockedNpm,
    out: &Path,
    client: &Client,
    registries: &Registries,
    progress: &Progress<'_>,
    gone: &mut bool,
) -> Result<()> {
    let path = package.tarball_path();
    let target = out.join(TARBALL);
    let mut failures = Vec::new();
    let mut wrong = None;
    for registry in registries.of(&package.name)? {
        let url = format!("{registry}{path}");
        let headers: Vec<_> = registries
            .authorization(&url)
            .map(|v| ("authorization", v))
            .into_iter()
            .collect();
        let open = || Ok(Arriving::new(files::create(&target)?, progress));
        match client.get_with(&url, &headers, LONGEST, open) {
            Ok(arrived) => match arrived.finish(&url, &package.integrity, &target) {
                Ok(()) => return Ok(()),
                Err(error) => wrong = Some(error),
            },
            Err(failure) => failures.push(failure),
        }
    }
    *gone = wrong.is_none() && failures.iter().all(GetError::is_missing);
    Err(wrong.unwrap_or_else(|| all_failed(&path, failures)))
}

/// A tarball on its way: hashed, and unzipped into a file.
struct Arriving<'a> {
    hasher: Sha512,
    unzip: MultiGzDecoder<Limited>,
    /// The problem that it has as a .gz. Told only if the hash is right: what was tampered with rarely unzips.
    unsound: Option<io::Error>,
    progress: &'a Progress<'a>,
}

impl<'a> Arriving<'a> {
    fn new(file: File, progress: &'a Progress<'a>) -> Self {
        let file = Limited {
            file: BufWriter::with_capacity(1 << 20, file),
            left: LONGEST,
        };
        Self {
            hasher: Sha512::new(),
            unzip: MultiGzDecoder::new(file),
            unsound: None,
            progress,
        }
    }

    fn finish(mut self, url: &str, expected: &str, target: &Path) -> Result<()> {
        let computed = integrity::of(&self.hasher.finalize());
        if computed != expected {
            let problem = Error::external(format!("{url} is not what was promised"));
            return Err(problem
                .note(format!("expected integrity {expected}\ncomputed integrity {computed}"))
                .hint("the registry was tampered with or publishes other files under old versions: find out which before you make the lock anew"));
        }
        let unsound =
            |error: io::Error| Error::external(format!("{url} is no sound .tgz")).because(error);
        if let Some(error) = self.unsound {
            return Err(unsound(error));
        }
        self.unzip.try_finish().map_err(unsound)?;
        let file = self.unzip.finish().map_err(unsound)?;
        let file = file.file.into_inner().map_err(|error| error.into_error());
        file.and_then(|file| file.sync_all())
            .context(format!("cannot write {}", target.display()))
    }
}

impl Write for Arriving<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
        if self.unsound.is_none() {
            match self.unzip.write_all(bytes) {
                // A full disk is not the tarball's fault.
                Err(error) if error.kind() == io::ErrorKind::StorageFull => return Err(error),
                result => self.unsound = result.err(),
            }
        }
        self.progress.add(bytes.len() as u64);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A file that does not grow without end, whatever a few bytes of a .gz ask for.
struct Limited {
    file: BufWriter<File>,
    left: u64,
}

impl Write for Limited {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if bytes.len() as u64 > self.left {
            return Err(io::Error::other(format!(
                "unzips to more than {LONGEST} bytes"
            )));
        }
        let written = self.file.write(bytes)?;
        self.left -= written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};

    use kindling_base::Event;

    use super::*;

    /// Keeps the newest count of bytes.
    #[derive(Default)]
    struct Bytes(AtomicU64);

    impl Reporter for Bytes {
        fn report(&self, event: Event) {
            if let Event::Progress { done, .. } = event {
                self.0.store(done, Ordering::Relaxed);
            }
        }
    }

    /// What is unzipped of bytes that arrive in pieces, or the error.
    fn arrive(bytes: &[u8], expected: &str) -> std::result::Result<Vec<u8>, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        let reported = Bytes::default();
        let progress = Progress::new(&reported, "download", None);
        let mut arriving = Arriving::new(files::create(file.path()).unwrap(), &progress);
        for piece in bytes.chunks(7) {
            arriving.write_all(piece).unwrap();
        }
        assert_eq!(reported.0.load(Ordering::Relaxed), bytes.len() as u64);
        let finished = arriving.finish("http://x.example/a.tgz", expected, file.path());
        finished.map_err(|error| error.report())?;
        Ok(std::fs::read(file.path()).unwrap())
    }

    #[test]
    fn a_tarball_is_compared_first_and_unzipped() {
        let mut gz = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gz.write_all(&[b'x'; 5000]).unwrap();
        let good = gz.finish().unwrap();
        let hash = |bytes: &[u8]| integrity::of(&Sha512::digest(bytes));
        assert_eq!(arrive(&good, &hash(&good)), Ok(vec![b'x'; 5000]));
        let mut other = good.clone();
        other[15] ^= 1; // it may not even unzip, but that is not the point
        let report = arrive(&other, &hash(&good)).unwrap_err();
        let sides = format!(
            "expected integrity {}\n  computed integrity {}",
            hash(&good),
            hash(&other)
        );
        assert!(report.contains(&sides), "{report}");
        for unsound in [&b"no gzip at all"[..], &good[..good.len() - 9]] {
            let report = arrive(unsound, &hash(unsound)).unwrap_err();
            assert!(report.contains("is no sound .tgz"), "{report}");
        }
    }
}
