//! The package that each path belongs to: from dpkg's lists in the image, and from the folders of npm's packages.

use std::collections::HashMap;

use kindling_base::Result;
use kindling_bundle::NpmPackage;
use kindling_npm_tree::LIBRARY;

use crate::listing::Listing;

const LISTS: &[u8] = b"var/lib/dpkg/info/";

/// Paths without their leading slash, each with its package.
#[derive(Debug, Default)]
pub(super) struct Owners {
    paths: HashMap<Vec<u8>, String>,
    /// Folders of npm's packages, each with the package as it is shown.
    folders: HashMap<Vec<u8>, String>,
}

impl Owners {
    pub(super) fn read(listing: &Listing, npm: &[NpmPackage]) -> Result<Self> {
        let mut owners = HashMap::new();
        for path in listing.nodes.keys() {
            let name = path
                .strip_prefix(LISTS)
                .and_then(|name| name.strip_suffix(b".list"));
            let Some(name) = name else { continue };
            // `libc6:amd64.list` where a package may be there for several architectures.
            let name = String::from_utf8_lossy(name);
            let name = name.split(':').next().unwrap_or_default();
            for line in listing.content(path)?.split(|byte| *byte == b'\n') {
                let Some(owned) = line.strip_prefix(b"/").filter(|owned| !owned.is_empty()) else {
                    continue;
                };
                owners.insert(merged(owned), name.to_owned());
            }
        }
        let folders = npm.iter().map(|package| {
            let folder = format!("{LIBRARY}/{}", package.path);
            (folder.into_bytes(), shown(package))
        });
        Ok(Self {
            paths: owners,
            folders: folders.collect(),
        })
    }

    pub(super) fn of(&self, path: &[u8]) -> Option<&str> {
        let owner = self.paths.get(path).or_else(|| {
            // The package whose folder is the nearest above.
            let slashes = (0..path.len()).rev().filter(|at| path[*at] == b'/');
            let mut folders = slashes.map(|at| &path[..at]);
            folders.find_map(|folder| self.folders.get(folder))
        });
        owner.map(String::as_str)
    }
}

/// A package of npm as `inspect` names it, so that it is not taken for a .deb.
pub(super) fn shown(package: &NpmPackage) -> String {
    format!("npm:{}@{}", package.name, package.version)
}

/// Where a path of a package is with a merged /usr: packages of Debian 12 still have files in /bin and /lib.
fn merged(path: &[u8]) -> Vec<u8> {
    let first = path.split(|byte| *byte == b'/').next().unwrap_or_default();
    let moved = matches!(
        first,
        b"bin" | b"sbin" | b"lib" | b"lib32" | b"lib64" | b"libx32"
    );
    match moved && first.len() < path.len() {
        true => [b"usr/", path].concat(),
        false => path.to_vec(),
    }
}
