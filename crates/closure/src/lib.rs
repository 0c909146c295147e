//! The closure of a crate: all code that can change what the crate computes, and one hash of it.
//!
//! A stage's result is stored under a key, and the key has to change whenever the code of the stage does. So each stage
//! is a crate, and its build script calls [`emit`], which follows the build graph as cargo does: the sources of the crate,
//! those of the workspace's crates that it depends on, and name, version and hash of every crate that `Cargo.lock` pins
//! below these. Nobody keeps a list, so nothing can be forgotten; code that the stage cannot reach does not count.
//!
//! Left out is what cannot change a result: tests (`tests.rs`, `tests/`, `benches/`, `examples/`, development
//! dependencies), texts about a package, lints, and this crate itself. Features of dependencies count; a registry crate
//! counts with everything that its entry in `Cargo.lock` lists, on whichever platform.

mod graph;
mod lock;
mod manifest;
mod sources;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

pub use graph::closure;
pub use sources::{Disk, Files};

/// A failure, for a person: the file and the reason.
#[derive(Debug)]
pub struct Error(String);

impl std::fmt::Display for Error {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// All code that a crate's results depend on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Closure {
    /// The workspace's crates, by name: the folder of each.
    pub folders: BTreeMap<String, PathBuf>,
    /// SHA-256 of each of their sources, by crate and by path in its folder.
    pub sources: BTreeMap<(String, PathBuf), [u8; 32]>,
    /// Dependencies and features in each of their manifests, as TOML, by crate.
    pub manifests: BTreeMap<String, String>,
    /// Crates of registries: name and version, with the hash that `Cargo.lock` pins.
    pub locked: BTreeMap<(String, String), String>,
}

impl Closure {
    /// The hash of all of it, in lowercase hexadecimal.
    pub fn key(&self) -> String {
        let mut hasher = Sha256::new();
        let mut field = |bytes: &[u8]| {
            hasher.update((bytes.len() as u64).to_le_bytes());
            hasher.update(bytes);
        };
        for ((name, path), hash) in &self.sources {
            field(name.as_bytes());
            field(path.as_os_str().as_encoded_bytes());
            field(hash);
        }
        for (name, manifest) in &self.manifests {
            field(name.as_bytes());
            field(manifest.as_bytes());
        }
        for ((name, version), hash) in &self.locked {
            field(name.as_bytes());
            field(version.as_bytes());
            field(hash.as_bytes());
        }
        hasher
            .finalize()
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect()
    }
}

/// Call this in the build script of a stage's crate: it sets `KINDLING_CODE`, for `env!("KINDLING_CODE")`, to the key of
/// the crate's closure, and has cargo run the script again when any of it changes.
///
/// # Panics
/// The workspace cannot be read; cargo shows the reason.
#[expect(
    clippy::panic,
    reason = "a build script ends with a panic; cargo shows it"
)]
#[expect(
    clippy::print_stdout,
    reason = "a build script talks to cargo that way"
)]
pub fn emit() {
    let Some(folder) = std::env::var_os("CARGO_MANIFEST_DIR") else {
        panic!("CARGO_MANIFEST_DIR is not set: call this in a build script");
    };
    let found = match closure(Path::new(&folder), &Disk) {
        Ok(found) => found,
        Err(error) => panic!("{error}"),
    };
    for watched in sources::watched(found.folders.values()) {
        println!("cargo::rerun-if-changed={}", watched.display());
    }
    println!("cargo::rustc-env=KINDLING_CODE={}", found.key());
}

#[cfg(test)]
mod tests;
