//! Reading a bundle back and proving that no byte has changed.

use std::path::Path;

use kindling_base::{Error, Result, files, hash};

use crate::{Artifact, MANIFEST, Manifest, SCHEMA, SUMS};

/// Reads `bundle.json` of the bundle in `folder`; checks its version, not its files.
///
/// # Errors
/// The folder is no bundle, its manifest does not parse, or it is of a later format.
pub fn load(folder: &Path) -> Result<Manifest> {
    let path = folder.join(MANIFEST);
    if !path.exists() {
        return Err(Error::user(format!(
            "{} is not a bundle: it has no {MANIFEST}",
            folder.display()
        ))
        .hint("build one with `cargo xtask build-image`, or name a bundle's folder"));
    }
    let bytes = files::read(&path)?;
    let bad = |error: serde_json::Error| {
        Error::user(format!("{} does not parse", path.display()))
            .because(error)
            .hint("the bundle is damaged: build it again")
    };
    #[derive(serde::Deserialize)]
    struct Version {
        schema: u32,
    }
    let version: Version = serde_json::from_slice(&bytes).map_err(bad)?;
    if version.schema != SCHEMA {
        return Err(Error::user(format!(
            "{} has format {}, this program reads format {SCHEMA}",
            path.display(),
            version.schema
        ))
        .hint("build the bundle again with this version of Kindling, or use the version that built it"));
    }
    serde_json::from_slice(&bytes).map_err(bad)
}

/// Compares every file of the bundle in `folder` with its size and SHA-256 in `manifest`, and
/// `bundle.json` itself with `SHA256SUMS`.
///
/// # Errors
/// A file is missing or differs; the error shows both sides.
pub fn verify(folder: &Path, manifest: &Manifest) -> Result<()> {
    let mut artifacts = vec![&manifest.kernel.artifact, &manifest.rootfs.artifact];
    artifacts.extend(&manifest.initramfs);
    std::thread::scope(|scope| {
        let checks: Vec<_> = artifacts
            .iter()
            .map(|a| scope.spawn(|| verify_artifact(folder, a)))
            .collect();
        checks.into_iter().try_for_each(|check| {
            check
                .join()
                .unwrap_or_else(|_| Err(Error::internal("a hashing thread panicked")))
        })
    })?;
    verify_manifest(folder)
}

fn verify_manifest(folder: &Path) -> Result<()> {
    let sums = files::read_text(&folder.join(SUMS))?;
    let expected = sums
        .lines()
        .find_map(|line| line.strip_suffix(MANIFEST)?.split_whitespace().next())
        .ok_or_else(|| {
            Error::user(format!(
                "{} does not list {MANIFEST}",
                folder.join(SUMS).display()
            ))
        })?;
    compare(
        folder,
        MANIFEST,
        "sha256",
        expected,
        &hash::file(&folder.join(MANIFEST))?,
    )
}

fn verify_artifact(folder: &Path, artifact: &Artifact) -> Result<()> {
    let path = folder.join(&artifact.file);
    let size = files::open(&path)?
        .metadata()
        .map_err(|error| Error::internal(format!("cannot stat {}", path.display())).because(error))?
        .len();
    compare(
        folder,
        &artifact.file,
        "size",
        &artifact.size.to_string(),
        &size.to_string(),
    )?;
    compare(
        folder,
        &artifact.file,
        "sha256",
        &artifact.sha256,
        &hash::file(&path)?,
    )
}

fn compare(folder: &Path, file: &str, what: &str, expected: &str, computed: &str) -> Result<()> {
    if expected == computed {
        return Ok(());
    }
    Err(Error::user(format!(
        "{} is not what was built",
        folder.join(file).display()
    ))
    .note(format!(
        "expected {what} {expected}\ncomputed {what} {computed}"
    ))
    .hint("the bundle is damaged: build it again with `cargo xtask build-image`"))
}
