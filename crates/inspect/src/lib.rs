//! The contents of a finished image, and the changes between two.

mod changes;
mod files;
mod listeners;
pub mod listing;
mod names;
mod owners;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use kindling_base::Result;
use kindling_bundle::{Manifest, Package};
use serde::Serialize;

use crate::listing::{Kind, Listing};

pub use changes::{Change, Changes, changes};
pub use files::{File, files};
pub use listeners::Listener;
use owners::Owners;

/// An image, looked at from outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// The recipe's name.
    pub name: String,
    /// Names of regular files.
    pub files: usize,
    /// Bytes of their contents; a file with several names counts once, for the package of the first.
    pub bytes: u64,
    /// Bytes of the image as a file, holes included.
    pub image_bytes: u64,
    /// Packages with the bytes of their files, the largest first.
    pub packages: Vec<Share>,
    /// Bytes of files that no package owns: overlays, and what scripts made.
    pub unowned_bytes: u64,
    /// Programs that run with the rights of their owner or group.
    pub privileged: Vec<Privileged>,
    /// Where the system listens when it is up.
    pub listeners: Vec<Listener>,
}

/// A package's part of an image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Share {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// Bytes of its files.
    pub bytes: u64,
}

/// A set-user-id or set-group-id program.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Privileged {
    /// Its path.
    pub path: String,
    /// Permission bits.
    pub mode: u16,
    /// Owner and group, as numbers.
    pub owner: (u32, u32),
    /// The package that has it.
    pub package: Option<String>,
}

/// Looks at the image of a bundle.
///
/// # Errors
/// The image does not read.
pub fn inspect(folder: &Path, manifest: &Manifest) -> Result<Inspection> {
    let image = folder.join(&manifest.rootfs.artifact.file);
    let listing = Listing::read(&image)?;
    let owners = Owners::read(&listing, &manifest.npm)?;
    let (linked, mut counted) = (names::linked(&image)?, BTreeSet::new());
    let mut unowned_bytes = 0;
    let (mut files, mut bytes) = (0, 0);
    let mut shares: BTreeMap<&str, u64> = BTreeMap::new();
    let mut privileged = Vec::new();
    for (path, node) in &listing.nodes {
        if node.kind != Kind::File {
            continue;
        }
        files += 1;
        let is_counted = linked.get(path).is_some_and(|inode| !counted.insert(inode));
        let size = if is_counted { 0 } else { node.size };
        bytes += size;
        let owner = owners.of(path);
        match owner {
            Some(package) => *shares.entry(package).or_default() += size,
            None => unowned_bytes += size,
        }
        if node.mode & 0o6000 != 0 {
            privileged.push(Privileged {
                path: format!("/{}", String::from_utf8_lossy(path)),
                mode: node.mode,
                owner: (node.uid, node.gid),
                package: owner.map(str::to_owned),
            });
        }
    }
    let share = |package: &Package| Share {
        name: package.name.clone(),
        version: package.version.clone(),
        bytes: shares.get(package.name.as_str()).copied().unwrap_or(0),
    };
    // A package of npm at several places is one line.
    let mut npm = BTreeMap::new();
    for package in &manifest.npm {
        let owner = owners::shown(package);
        let share = Share {
            name: format!("npm:{}", package.name),
            version: package.version.clone(),
            bytes: shares.get(owner.as_str()).copied().unwrap_or(0),
        };
        npm.insert(owner, share);
    }
    let debs = manifest.packages.iter().map(share);
    let mut packages: Vec<Share> = debs.chain(npm.into_values()).collect();
    packages.sort_by(|a, b| b.bytes.cmp(&a.bytes).then_with(|| a.name.cmp(&b.name)));
    Ok(Inspection {
        name: manifest.name.clone(),
        files,
        bytes,
        image_bytes: manifest.rootfs.artifact.size,
        packages,
        unowned_bytes,
        privileged,
        listeners: listeners::listeners(&listing)?,
    })
}

#[cfg(test)]
mod tests;
