//! The walk along the build graph.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::lock::{Lock, Package};
use crate::manifest::Manifest;
use crate::sources::{self, Files};
use crate::{Closure, Error};

/// The closure of the crate in `folder`. Contents are read through `files`.
///
/// # Errors
/// A manifest, the workspace's `Cargo.lock` or a source cannot be read, or the lock does not fit the manifests.
pub fn closure(folder: &Path, files: &dyn Files) -> Result<Closure, Error> {
    let root = workspace(folder)?;
    let lock = files.read(&root.join("Cargo.lock"))?;
    let lock = Lock::parse(&String::from_utf8_lossy(&lock))?;
    let root = Manifest::read(&root, files)?;
    let mut found = Closure::default();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        let manifest = Manifest::read(&folder, files)?;
        let name = manifest.name()?;
        if found.folders.contains_key(&name) {
            continue;
        }
        let package = lock
            .local(&name)
            .ok_or_else(|| Error(format!("Cargo.lock has no package {name} of the workspace")))?;
        let mut words = vec![manifest.features()];
        for dependency in manifest.dependencies(&root) {
            if dependency.package == env!("CARGO_PKG_NAME") {
                continue; // computes keys, never results
            }
            words.push(dependency.words);
            match dependency.folder {
                Some(folder) => open.push(folder),
                None => add_locked(&lock, package, &dependency.package, &mut found)?,
            }
        }
        for path in sources::list(&folder)? {
            let hash = Sha256::digest(files.read(&folder.join(&path))?);
            found.sources.insert((name.clone(), path), hash.into());
        }
        found.manifests.insert(name.clone(), words.join("\n"));
        found.folders.insert(name, folder);
    }
    Ok(found)
}

/// Adds the registry's crates called `name` that `package` depends on, with all that is below them.
fn add_locked(
    lock: &Lock,
    package: &Package,
    name: &str,
    found: &mut Closure,
) -> Result<(), Error> {
    let mut open: Vec<&Package> = lock.named(package, name);
    if open.is_empty() {
        let problem = format!("Cargo.lock has no {name} below {}", package.name);
        return Err(Error(problem));
    }
    let mut seen = BTreeSet::new();
    while let Some(package) = open.pop() {
        let id = (package.name.clone(), package.version.clone());
        if seen.insert(id.clone()) {
            let pinned = package.pinned.clone().unwrap_or_default();
            found.locked.insert(id, pinned);
            open.extend(lock.below(package));
        }
    }
    Ok(())
}

/// The folder of the workspace: the nearest one with a `Cargo.lock`.
fn workspace(folder: &Path) -> Result<PathBuf, Error> {
    let above = folder
        .ancestors()
        .find(|folder| folder.join("Cargo.lock").is_file());
    let missing = || Error(format!("no Cargo.lock at or above {}", folder.display()));
    above.map(Path::to_owned).ok_or_else(missing)
}
