//! Evidence with an image: what is in it, and what it was made from.

mod installed;
mod licence;
mod npm;
mod provenance;
mod purl;
mod sbom;
mod sign;

use std::path::Path;

use kindling_base::{Error, Result};
use kindling_bundle::Manifest;
use serde_json::Value;

use crate::linked::Linked;
use crate::lock::Locked;

pub use sign::{Signer, sign};

/// Name of the software bill of materials inside a bundle.
pub const SBOM: &str = "sbom.cdx.json";

/// Name of the statement of origin inside a bundle.
pub const PROVENANCE: &str = "provenance.json";

/// What evidence is about: a bundle whose artifacts are complete.
#[derive(Debug)]
pub(crate) struct Subject<'a> {
    /// What went in.
    pub(crate) locked: &'a Locked,
    /// SHA-256 of the recipe's file.
    pub(crate) recipe_sha256: &'a str,
    /// What came out.
    pub(crate) manifest: &'a Manifest,
    /// The root filesystem's image.
    pub(crate) image: &'a Path,
    /// Programs of ours in it.
    pub(crate) programs: Vec<Linked>,
    /// PID 1 of the initramfs, where that is ours.
    pub(crate) init: Option<Linked>,
    /// Keys of the stages, each with its name.
    pub(crate) stages: Vec<(&'static str, String)>,
}

/// The evidence: each file's name and text. The same subject has the same evidence, byte for byte.
///
/// # Errors
/// The image's package database or the checkout cannot be read.
pub(crate) fn write(subject: &Subject<'_>) -> Result<[(&'static str, String); 2]> {
    let installed = installed::read(subject.image)?;
    let npm = npm::read(subject.image, &subject.locked.lock.npm)?;
    Ok([
        (SBOM, text(&sbom::sbom(subject, &installed, &npm)?)?),
        (PROVENANCE, text(&provenance::provenance(subject))?),
    ])
}

fn text(value: &Value) -> Result<String> {
    let text = serde_json::to_string_pretty(value);
    let text =
        text.map_err(|error| Error::internal("cannot write evidence as JSON").because(error))?;
    Ok(text + "\n")
}
