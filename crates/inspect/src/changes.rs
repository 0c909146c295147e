//! Differences of two images, by package and path.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use kindling_base::Result;
use kindling_bundle::Manifest;
use serde::Serialize;

use super::owners::Owners;
use crate::listing::{Kind, Listing, Node};

/// The differences of two images.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    /// Packages, by name: the version before and after.
    pub packages: Vec<(String, Option<String>, Option<String>)>,
    /// Paths, sorted.
    pub paths: Vec<Change>,
}

/// One path that is not the same in both.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The path.
    pub path: String,
    /// The package that has it, in the second image or, if it went, in the first.
    pub package: Option<String>,
    /// `added`, `removed`, or the properties that differ.
    pub what: String,
}

/// Compares the images of two bundles, each a folder with its manifest.
///
/// # Errors
/// An image does not read.
pub fn changes(first: (&Path, &Manifest), second: (&Path, &Manifest)) -> Result<Changes> {
    let read = |(folder, manifest): (&Path, &Manifest)| {
        Listing::read(&folder.join(&manifest.rootfs.artifact.file))
    };
    let (before, after) = (read(first)?, read(second)?);
    let (owned_before, owned_after) = (
        Owners::read(&before, &first.1.npm)?,
        Owners::read(&after, &second.1.npm)?,
    );
    let mut paths = Vec::new();
    let all: BTreeSet<_> = before.nodes.keys().chain(after.nodes.keys()).collect();
    for path in all {
        let what = match (before.nodes.get(path), after.nodes.get(path)) {
            (None, _) => "added".to_owned(),
            (_, None) => "removed".to_owned(),
            (Some(a), Some(b)) => match changed(path, (&before, a), (&after, b))? {
                what if what.is_empty() => continue,
                what => what.join(", "),
            },
        };
        let package = owned_after.of(path).or_else(|| owned_before.of(path));
        paths.push(Change {
            path: format!("/{}", String::from_utf8_lossy(path)),
            package: package.map(str::to_owned),
            what,
        });
    }
    Ok(Changes {
        packages: packages(first.1, second.1),
        paths,
    })
}

fn packages(first: &Manifest, second: &Manifest) -> Vec<(String, Option<String>, Option<String>)> {
    let versions = |manifest: &Manifest| -> BTreeMap<String, String> {
        let debs = manifest.packages.iter();
        let debs = debs.map(|package| (package.name.clone(), package.version.clone()));
        let npm = manifest.npm.iter().map(|package| {
            let path = package.path.replace("node_modules/", "");
            (format!("npm:{path}"), package.version.clone())
        });
        debs.chain(npm).collect()
    };
    let (before, after) = (versions(first), versions(second));
    let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let row = |name: &String| {
        (
            name.clone(),
            before.get(name).cloned(),
            after.get(name).cloned(),
        )
    };
    names
        .into_iter()
        .map(row)
        .filter(|(_, before, after)| before != after)
        .collect()
}

fn changed(
    path: &[u8],
    (before, a): (&Listing, &Node),
    (after, b): (&Listing, &Node),
) -> Result<Vec<String>> {
    let mut what = Vec::new();
    if a.kind != b.kind {
        what.push("type or target".to_owned());
    }
    if a.mode != b.mode {
        what.push(format!("mode {:04o} -> {:04o}", a.mode, b.mode));
    }
    if (a.uid, a.gid) != (b.uid, b.gid) {
        what.push(format!("owner {}:{} -> {}:{}", a.uid, a.gid, b.uid, b.gid));
    }
    if a.kind == Kind::File && b.kind == Kind::File {
        if a.size != b.size {
            what.push(format!("content, {} -> {} bytes", a.size, b.size));
        } else if before.content(path)? != after.content(path)? {
            what.push("content".to_owned());
        }
    }
    Ok(what)
}
