//! Fetches crates into the store: files that cargo already has, and downloads of the others, several at a time.

use std::io;
use std::path::{Path, PathBuf};

use kindling_base::{Context, Error, Reporter, Result, files, hash, parallel};
use kindling_fetch::{AT_ONCE, Client, Progress, Promise, fetch_blob};
use kindling_store::Store;

use crate::registries::Registries;
use crate::template::Template;
use kindling_vendor::Pin;

const HINT: &str = "name a registry with `--mirror crates=URL`, the address of its sparse index, or let cargo fetch the crates once: `cargo fetch --manifest-path CRATE/Cargo.toml`";

/// A look for a crate on this machine.
enum Look {
    Stored(PathBuf),
    /// Places where it is not, or is another file.
    Missing(Vec<String>),
}

/// Fetches what the store lacks of `pins` and returns the `.crate` file of each, in order.
///
/// A file that cargo has is copied, since cargo may write to its own; the others are downloaded. Reports
/// [`kindling_base::Event::Progress`] in bytes for the stage `download`.
///
/// # Errors
/// No registry has a crate, or what they give is not what the pin promises; the error shows both sides.
pub fn fetch(
    pins: &[Pin],
    client: &Client,
    registries: &Registries,
    store: &Store,
    reporter: &dyn Reporter,
) -> Result<Vec<PathBuf>> {
    let looks = parallel::each(pins, parallel::processors(), |pin| {
        look(pin, registries, store)
    })?;
    let missing = pins.iter().zip(&looks).find_map(|(pin, look)| match look {
        Look::Stored(_) => None,
        Look::Missing(tried) => Some((pin, tried)),
    });
    let (templates, failed) = match missing {
        None => (Vec::new(), Vec::new()),
        Some((pin, here)) => match registries.templates(client)? {
            (templates, tried) if templates.is_empty() => {
                let error = Error::user(format!(
                    "no registry of crates is known, and {} {} is not on this machine",
                    pin.name, pin.version
                ));
                return Err(with_notes(error, here.iter().chain(&tried)).hint(HINT));
            }
            found => found,
        },
    };
    let progress = Progress::new(reporter, "download", None);
    let wanted: Vec<(&Pin, Look)> = pins.iter().zip(looks).collect();
    parallel::each(&wanted, AT_ONCE, |(pin, look)| match look {
        Look::Stored(path) => Ok(path.clone()),
        Look::Missing(here) => download(pin, &templates, client, store, &progress)
            .map_err(|error| with_notes(error, here.iter().chain(&failed))),
    })
}

/// Looks into the store, then into folders of crates, whose file is copied into the store.
fn look(pin: &Pin, registries: &Registries, store: &Store) -> Result<Look> {
    let name = format!("{}.crate", pin.stem()?);
    if let Some(path) = store.blob(&pin.sha256) {
        return Ok(Look::Stored(path));
    }
    let mut tried = Vec::new();
    for folder in &registries.folders {
        let path = folder.join(&name);
        if !path.is_file() {
            tried.push(format!("{}: not there", path.display()));
            continue;
        }
        match hash::file(&path) {
            Ok(computed) if computed == pin.sha256 => {
                return Ok(Look::Stored(copy(&path, pin, store)?));
            }
            Ok(computed) => tried.push(format!(
                "{}: is another file\n  expected sha256 {}\n  computed sha256 {computed}",
                path.display(),
                pin.sha256
            )),
            Err(error) => tried.push(error.to_string()),
        }
    }
    Ok(Look::Missing(tried))
}

fn copy(path: &Path, pin: &Pin, store: &Store) -> Result<PathBuf> {
    let mut blob = store.new_blob()?;
    io::copy(&mut files::open(path)?, &mut blob)
        .context(format!("cannot copy {} into the store", path.display()))?;
    blob.commit(&path.display().to_string(), &pin.sha256)
}

fn download(
    pin: &Pin,
    templates: &[Template],
    client: &Client,
    store: &Store,
    progress: &Progress<'_>,
) -> Result<PathBuf> {
    let urls: Vec<String> = templates.iter().map(|one| one.url(pin)).collect();
    let promise = Promise {
        urls: &urls,
        name: &format!("the crate {} {}", pin.name, pin.version),
        size: None,
        sha256: &pin.sha256,
    };
    fetch_blob(client, &promise, store, progress).map_err(|failure| match failure.missing {
        true => failure.error.hint(HINT),
        false => failure.error,
    })
}

fn with_notes<'a>(error: Error, tried: impl Iterator<Item = &'a String>) -> Error {
    tried.fold(error, |error, one| error.note(format!("tried {one}")))
}

#[cfg(test)]
mod tests;
