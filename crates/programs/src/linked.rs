//! The crates in programs of ours, for an image's bill of materials: what is linked in is in no package database.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use kindling_base::{Error, Result, files};
use serde::{Deserialize, Serialize};

/// Name of the list in the folders of stages, one entry a program.
const FILE: &str = "linked.json";

/// A program and the crates in it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Linked {
    /// The program's own package.
    pub program: String,
    /// The package's version.
    pub version: String,
    /// Crates of registries, sorted by name and version.
    pub crates: Vec<Crate>,
}

/// A crate of a registry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Crate {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its `.crate` file, lowercase hexadecimal.
    pub sha256: String,
    /// An expression of SPDX.
    pub licence: Option<String>,
}

/// The part of `cargo metadata --format-version=1` that is needed here.
#[derive(Debug, Deserialize)]
pub(crate) struct Metadata {
    pub(crate) packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Package {
    id: String,
    pub(crate) name: String,
    pub(crate) version: String,
    license: Option<String>,
    source: Option<String>,
    targets: Vec<Target>,
}

#[derive(Debug, Deserialize)]
struct Target {
    kind: Vec<String>,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
    root: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
struct Dependency {
    pkg: String,
    dep_kinds: Vec<DependencyKind>,
}

#[derive(Debug, Deserialize)]
struct DependencyKind {
    /// Nothing for what is linked in; `dev` for tests, `build` for build scripts.
    kind: Option<String>,
}

/// The part of `Cargo.lock` that `cargo metadata` does not print.
#[derive(Deserialize)]
struct CargoLock {
    package: Vec<Pinned>,
}

#[derive(Deserialize)]
struct Pinned {
    name: String,
    version: String,
    checksum: Option<String>,
}

/// The crates that are linked into the program of the package in whose folder cargo was asked. `lock` is its `Cargo.lock`.
///
/// # Errors
/// `Cargo.lock` cannot be read, or cargo's answer is not about a package.
pub(crate) fn linked(metadata: &Metadata, lock: &Path) -> Result<Linked> {
    let lock: CargoLock = toml::from_str(&files::read_text(lock)?).map_err(|error| {
        Error::user(format!("{} does not parse", lock.display())).because(error)
    })?;
    list(metadata, &lock)
        .ok_or_else(|| Error::internal("`cargo metadata` printed no package of its own"))
}

fn list(metadata: &Metadata, lock: &CargoLock) -> Option<Linked> {
    let packages: BTreeMap<&str, &Package> = metadata
        .packages
        .iter()
        .map(|package| (package.id.as_str(), package))
        .collect();
    let nodes: BTreeMap<&str, &Node> = metadata
        .resolve
        .nodes
        .iter()
        .map(|node| (node.id.as_str(), node))
        .collect();
    let checksums: BTreeMap<(&str, &str), &str> = lock
        .package
        .iter()
        .filter_map(|one| {
            Some((
                (one.name.as_str(), one.version.as_str()),
                one.checksum.as_deref()?,
            ))
        })
        .collect();
    let root = metadata.resolve.root.as_deref()?;
    let mut known = BTreeSet::from([root]);
    let mut open = vec![root];
    let mut crates = BTreeSet::new();
    while let Some(id) = open.pop() {
        let package = packages.get(id)?;
        // A macro runs in the compiler; what it needs is not linked in either.
        if package
            .targets
            .iter()
            .any(|target| target.kind.iter().any(|kind| kind == "proc-macro"))
        {
            continue;
        }
        // Crates of our own, by path, have no checksum: they are the program.
        if package.source.is_some()
            && let Some(sha256) = checksums.get(&(package.name.as_str(), package.version.as_str()))
        {
            crates.insert(Crate {
                name: package.name.clone(),
                version: package.version.clone(),
                sha256: (*sha256).to_owned(),
                licence: package.license.as_deref().map(expression),
            });
        }
        let needs = nodes.get(id).map_or(&[][..], |node| &node.deps);
        let needs = needs
            .iter()
            .filter(|need| need.dep_kinds.iter().any(|kind| kind.kind.is_none()));
        open.extend(
            needs
                .map(|need| need.pkg.as_str())
                .filter(|id| known.insert(id)),
        );
    }
    let own = packages.get(root)?;
    Some(Linked {
        program: own.name.clone(),
        version: own.version.clone(),
        crates: crates.into_iter().collect(),
    })
}

/// Old manifests have `MIT/Apache-2.0` where SPDX has `MIT OR Apache-2.0`.
fn expression(licence: &str) -> String {
    let parts: Vec<&str> = licence.split('/').map(str::trim).collect();
    parts.join(" OR ")
}

/// Writes the list into the folder of a stage.
///
/// # Errors
/// It cannot be written.
pub fn write(folder: &Path, programs: &[Linked]) -> Result<()> {
    let json = serde_json::to_string_pretty(programs)
        .map_err(|error| Error::internal("cannot write which crates are linked").because(error))?;
    files::write_atomic(&folder.join(FILE), json.as_bytes(), 0o644)
}

/// The list in the folder of a stage; nothing where no program of ours is in its result.
///
/// # Errors
/// It cannot be read.
pub fn read(folder: &Path) -> Result<Vec<Linked>> {
    let path = folder.join(FILE);
    if !path.exists() {
        return Ok(Vec::new());
    }
    serde_json::from_slice(&files::read(&path)?).map_err(|error| {
        Error::external(format!("{} does not parse", path.display())).because(error)
    })
}

#[cfg(test)]
mod tests;
