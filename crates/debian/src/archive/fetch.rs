//! Downloads packages into the store: checks each, several at a time, and fetches none twice.

use std::path::PathBuf;

use kindling_base::{Error, Reporter, Result, parallel};
use kindling_deb::LockedPackage;
use kindling_fetch::{AT_ONCE, BlobError, Client, FetchError, Progress, Promise, fetch_blob};
use kindling_store::Store;

use crate::mirrors::Mirrors;

/// Fetches the .debs of `packages` that the store lacks and returns the path of each, in order.
///
/// Reports [`kindling_base::Event::Progress`] in bytes for the stage `download`; what is in the store already counts as done.
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
    let progress = Progress::new(reporter, "download", Some(total));
    progress.add(total - missing.iter().map(|p| p.size).sum::<u64>());
    let fetched = parallel::each(&missing, AT_ONCE, |package| {
        fetch_package(client, distribution, package, mirrors, store, &progress)
    });
    if let Err(error) = fetched {
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
    let urls = mirrors.file_urls(distribution, &package.suite, &package.path)?;
    let promise = Promise {
        urls: &urls,
        name: &package.path,
        size: Some(package.size),
        sha256: &package.sha256,
    };
    match fetch_blob(client, &promise, store, progress) {
        Ok(_) => Ok(()),
        Err(BlobError { error, missing: true }) => Err(FetchError::Gone {
            package: format!("{} {}", package.name, package.version),
            error: error.hint(format!(
                "{} {} is no longer in the archive: make the lock anew with `cargo xtask lock --update`, or name a snapshot archive: `--mirror {distribution}-snapshot=URL`",
                package.name, package.version
            )),
        }),
        Err(BlobError { error, .. }) => Err(FetchError::Failed(error)),
    }
}
