//! Evidence with an image: what is in it, and what it was made from.

mod installed;
mod licence;
mod npm;
mod provenance;
mod purl;
mod sbom;
mod sign;
mod statement;

use std::path::Path;

use kindling_base::{Error, Result};
use kindling_bundle::Manifest;
use serde_json::Value;

use kindling_deb::LockedPackage;
use kindling_npm_tree::LockedNpm;
use kindling_programs::linked::Linked;

pub use sign::{Signer, sign};
pub use statement::Statement;

/// Name of the software bill of materials inside a bundle.
pub const SBOM: &str = "sbom.cdx.json";

/// Name of the statement of origin inside a bundle.
pub const PROVENANCE: &str = "provenance.json";

/// Everything that went into a bundle.
#[derive(Clone, Debug)]
pub struct Origin<'a> {
    /// File name of the recipe, `minimal-debian-12.toml`.
    pub recipe_file: &'a str,
    /// SHA-256 of the recipe's file.
    pub recipe_sha256: &'a str,
    /// File name of the lock.
    pub lock_file: &'a str,
    /// SHA-256 of the lock as it is written.
    pub lock_sha256: &'a str,
    /// Seconds since 1970 to which every time in the image is clamped.
    pub epoch_s: u32,
    /// Name that the distribution's mirrors go by: `debian`.
    pub distribution: &'a str,
    /// The first suite: `bookworm`.
    pub release: &'a str,
    /// Every package of the root filesystem.
    pub packages: &'a [LockedPackage],
    /// Every package of npm.
    pub npm: &'a [LockedNpm],
    /// The kernel's origin.
    pub kernel: Kernel<'a>,
    /// Keyrings whose keys the archives' signatures were checked by: file name and SHA-256.
    pub keyrings: &'a [(String, String)],
    /// Build tools, which are not in the image.
    pub tools: Vec<Tools<'a>>,
    /// Crates that locks of the guest's programs pin, sorted: those that are linked in, and those that only compiling needs.
    pub crates: Vec<Crate>,
    /// Keys of the stages, each with its name.
    pub stages: Vec<(&'static str, String)>,
}

/// Packages that are the root of a build.
#[derive(Clone, Copy, Debug)]
pub struct Tools<'a> {
    /// Name of the list, `linux`.
    pub name: &'a str,
    /// SHA-256 of the lock as it is written.
    pub lock_sha256: &'a str,
    /// Name that the distribution's mirrors go by.
    pub distribution: &'a str,
    /// The first suite: `trixie`.
    pub release: &'a str,
    /// Every package.
    pub packages: &'a [LockedPackage],
}

/// A crate of a registry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Crate {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its `.crate` file.
    pub sha256: String,
}

/// The kernel's origin.
#[derive(Clone, Copy, Debug)]
pub enum Kernel<'a> {
    /// One of the packages, by name.
    Image(&'a str),
    /// A package with the source.
    Package(&'a LockedPackage),
    /// A tarball with the source.
    Url {
        /// Its address.
        url: &'a str,
        /// Its SHA-256.
        sha256: &'a str,
    },
}

/// A bundle whose artifacts are complete.
#[derive(Debug)]
pub struct Subject<'a> {
    /// Everything that went in.
    pub origin: &'a Origin<'a>,
    /// The bundle's contents page.
    pub manifest: &'a Manifest,
    /// The root filesystem's image.
    pub image: &'a Path,
    /// Programs of ours in it.
    pub programs: Vec<Linked>,
    /// PID 1 of the initramfs, where that is ours.
    pub init: Option<Linked>,
}

/// The evidence: each file's name and text. The same subject has the same evidence, byte for byte.
///
/// # Errors
/// The image's package database or the checkout cannot be read.
pub fn write(subject: &Subject<'_>) -> Result<[(&'static str, String); 2]> {
    let installed = installed::read(subject.image)?;
    let npm = npm::read(subject.image, subject.origin.npm)?;
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
