//! Loads suites into an index in memory: fetches, verifies, unpacks and parses them.

use std::io::Read;
use std::path::{Path, PathBuf};

use kindling_base::{Context, Reporter, Result, files, parallel};
use kindling_deb::LockedSuite;
use kindling_fetch::{AT_ONCE, Client, Progress, Promise, fetch_blob};
use kindling_store::Store;

use super::keyring::Keyring;
use super::release::{self, File, Release};
use super::suites::Archive;
use crate::index::Index;
use crate::mirrors::Mirrors;

/// The text of one Packages file, verified.
#[derive(Clone, Debug)]
pub struct PackagesFile {
    /// The suite that it belongs to.
    pub suite: String,
    /// apt's pin priority of the suite.
    pub priority: u16,
    /// Its stanzas.
    pub text: String,
}

/// Fetches and verifies the indices of all suites of all archives and parses them. They are of one architecture.
///
/// Release files are always asked for; an index whose hash is in the store is not fetched again. Reports
/// progress in bytes for the stage `index`.
///
/// # Errors
/// No mirror is known or works, a signature or hash is wrong, a Release file has expired or is of another
/// suite.
pub fn fetch_index(
    client: &Client,
    archives: &[Archive],
    mirrors: &Mirrors,
    store: &Store,
    reporter: &dyn Reporter,
) -> Result<Index> {
    let architecture = archives.first().map_or("", |archive| &archive.architecture);
    let mut index = Index::new(architecture);
    for archive in archives {
        let (releases, files) = fetch_all(client, archive, mirrors, store, reporter)?;
        for file in files {
            index.add(&file.suite, file.priority, &file.text);
        }
        index.releases.extend(releases);
    }
    Ok(index)
}

/// Fetches the files that [`fetch_index`] parses, in the order in which apt would read them.
///
/// # Errors
/// As [`fetch_index`].
pub fn fetch_packages_files(
    client: &Client,
    archive: &Archive,
    mirrors: &Mirrors,
    store: &Store,
    reporter: &dyn Reporter,
) -> Result<Vec<PackagesFile>> {
    fetch_all(client, archive, mirrors, store, reporter).map(|(_, files)| files)
}

fn fetch_all(
    client: &Client,
    archive: &Archive,
    mirrors: &Mirrors,
    store: &Store,
    reporter: &dyn Reporter,
) -> Result<(Vec<LockedSuite>, Vec<PackagesFile>)> {
    let keyring = Keyring::read(&archive.keyring)?.only(&archive.keys)?;
    let releases = parallel::each(&archive.suites, AT_ONCE, |suite| {
        let urls = mirrors.urls(&archive.distribution, &archive.label(suite))?;
        release::fetch(client, archive, &keyring, suite, urls)
    })?;
    let mut wanted = Vec::new();
    for release in &releases {
        for component in &archive.components {
            wanted.push((release, release.packages(component, &archive.architecture)?));
            if release.all_apart {
                wanted.push((release, release.packages(component, "all")?));
            }
        }
    }
    let total = Some(wanted.iter().map(|(_, file)| file.size).sum());
    let progress = Progress::new(reporter, "index", total);
    let files = parallel::each(&wanted, AT_ONCE, |(release, file)| -> Result<_> {
        let blob = fetch_file(client, release, file, store, &progress)?;
        Ok(PackagesFile {
            suite: archive.label(&release.suite),
            priority: release.priority,
            text: unpack(&blob, &file.path)?,
        })
    })?;
    let states = releases.iter().map(|release| LockedSuite {
        name: archive.label(&release.suite),
        date: release.date.clone(),
        signed_by: release.signed_by.clone(),
    });
    Ok((states.collect(), files))
}

fn fetch_file(
    client: &Client,
    release: &Release,
    file: &File,
    store: &Store,
    progress: &Progress<'_>,
) -> Result<PathBuf> {
    let plain = format!("dists/{}/{}", release.suite, file.path);
    let by_hash = plain
        .rsplit_once('/')
        .filter(|_| release.by_hash)
        .map(|(folder, _)| format!("{folder}/by-hash/SHA256/{}", file.sha256));
    let fetch = |path: &str| {
        let urls: Vec<String> = release
            .mirrors
            .iter()
            .map(|mirror| format!("{mirror}/{path}"))
            .collect();
        let promise = Promise {
            urls: &urls,
            name: path,
            size: Some(file.size),
            sha256: &file.sha256,
        };
        fetch_blob(client, &promise, store, progress)
    };
    if let Some(path) = by_hash {
        match fetch(&path) {
            Ok(blob) => return Ok(blob),
            Err(error) if error.missing => {} // a partial mirror may have the plain name only
            Err(error) => return Err(error.error),
        }
    }
    fetch(&plain).map_err(|error| error.error)
}

/// The text of an index, unpacked as the end of its name says.
fn unpack(blob: &Path, name: &str) -> Result<String> {
    let file = files::open(blob)?;
    let mut reader: Box<dyn Read> = match name.rsplit_once('.').map(|(_, suffix)| suffix) {
        Some("xz") => Box::new(liblzma::read::XzDecoder::new_multi_decoder(file)),
        Some("gz") => Box::new(flate2::read::MultiGzDecoder::new(file)),
        _ => Box::new(file),
    };
    let mut bytes = Vec::new();
    reader
        .read_to_end(&mut bytes)
        .context(format!("cannot unpack {name} from {}", blob.display()))?;
    // A maintainer's name in an old encoding must not cost the whole index.
    Ok(match String::from_utf8(bytes) {
        Ok(text) => text,
        Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
    })
}
