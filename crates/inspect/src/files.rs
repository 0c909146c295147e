//! Every path of an image.

use std::path::Path;

use kindling_base::Result;
use kindling_bundle::Manifest;
use serde::Serialize;

use super::owners::Owners;
use crate::listing::{Kind, Listing};

/// A path of an image, as `ls -l` has it, and whose it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct File {
    /// Absolute; bytes that are not UTF-8 are replaced.
    pub path: String,
    /// `file`, `directory`, `symlink`, or the name of another type.
    pub kind: &'static str,
    /// Where a symbolic link leads.
    pub target: Option<String>,
    /// Permission bits with set-user-id, set-group-id and sticky.
    pub mode: u16,
    /// Owner and group, as numbers.
    pub owner: (u32, u32),
    /// Bytes of a regular file.
    pub size: u64,
    /// The package that has it.
    pub package: Option<String>,
}

/// All paths of a bundle's image, sorted.
///
/// # Errors
/// The image does not read.
pub fn files(folder: &Path, manifest: &Manifest) -> Result<Vec<File>> {
    let listing = Listing::read(&folder.join(&manifest.rootfs.artifact.file))?;
    let owners = Owners::read(&listing, &manifest.npm)?;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let nodes = listing.nodes.iter();
    let file = |(path, node): (&Vec<u8>, &crate::listing::Node)| File {
        path: format!("/{}", text(path)),
        kind: match &node.kind {
            Kind::File => "file",
            Kind::Directory => "directory",
            Kind::Symlink(_) => "symlink",
            Kind::Other(name) => name,
        },
        target: match &node.kind {
            Kind::Symlink(target) => Some(text(target)),
            _ => None,
        },
        mode: node.mode,
        owner: (node.uid, node.gid),
        size: node.size,
        package: owners.of(path).map(str::to_owned),
    };
    Ok(nodes.map(file).collect())
}
