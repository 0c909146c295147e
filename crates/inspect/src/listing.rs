//! The paths in an ext4 image, read by a reader that shares no code with our writer.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ext4_view::{Ext4, Ext4Error, FileType};
use kindling_base::{Error, Result};

/// An open image and all its paths.
#[derive(Debug)]
pub struct Listing {
    path: PathBuf,
    image: Ext4,
    /// Every path without its leading slash, the root as an empty one, sorted by bytes.
    pub nodes: BTreeMap<Vec<u8>, Node>,
}

/// The properties of a path, but for content and xattrs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Node {
    /// Its type.
    pub kind: Kind,
    /// Permission bits with set-user-id, set-group-id and sticky.
    pub mode: u16,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Bytes of a regular file.
    pub size: u64,
    /// Seconds since 1970 of the last change of content.
    pub mtime: i64,
}

/// A path's type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link to this.
    Symlink(Vec<u8>),
    /// A device, FIFO or socket.
    Other(&'static str),
}

impl Listing {
    /// Reads an image's directories.
    ///
    /// # Errors
    /// The file cannot be read or is not a sound ext4.
    pub fn read(path: &Path) -> Result<Self> {
        let image = Ext4::load_from_path(path).map_err(|error| unsound(path, b"", error))?;
        let mut listing = Self {
            path: path.to_owned(),
            image,
            nodes: BTreeMap::new(),
        };
        let mut waiting = vec![Vec::new()];
        while let Some(at) = waiting.pop() {
            let node = listing.look(&at)?;
            if node.kind == Kind::Directory {
                waiting.extend(listing.children(&at)?);
            }
            listing.nodes.insert(at, node);
        }
        Ok(listing)
    }

    /// A regular file's whole content.
    ///
    /// # Errors
    /// The path does not lead to a file, or it cannot be read.
    pub fn content(&self, path: &[u8]) -> Result<Vec<u8>> {
        self.image
            .read(absolute(path).as_slice())
            .map_err(|error| unsound(&self.path, path, error))
    }

    fn look(&self, path: &[u8]) -> Result<Node> {
        let wrong = |error| unsound(&self.path, path, error);
        let absolute = absolute(path);
        let meta = self
            .image
            .symlink_metadata(absolute.as_slice())
            .map_err(wrong)?;
        let kind = match meta.file_type() {
            FileType::Regular => Kind::File,
            FileType::Directory => Kind::Directory,
            FileType::Symlink => {
                let target = self.image.read_link(absolute.as_slice()).map_err(wrong)?;
                Kind::Symlink(target.as_ref().to_vec())
            }
            FileType::CharacterDevice => Kind::Other("character device"),
            FileType::BlockDevice => Kind::Other("block device"),
            FileType::Fifo => Kind::Other("FIFO"),
            FileType::Socket => Kind::Other("socket"),
        };
        Ok(Node {
            size: if kind == Kind::File { meta.len() } else { 0 },
            kind,
            mode: meta.mode(),
            uid: meta.uid(),
            gid: meta.gid(),
            mtime: meta.modified().seconds(),
        })
    }

    fn children(&self, path: &[u8]) -> Result<Vec<Vec<u8>>> {
        let wrong = |error| unsound(&self.path, path, error);
        let mut children = Vec::new();
        for entry in self
            .image
            .read_dir(absolute(path).as_slice())
            .map_err(wrong)?
        {
            let entry = entry.map_err(wrong)?;
            let file_name = entry.file_name();
            let name: &[u8] = file_name.as_ref();
            match (name, path) {
                (b"." | b"..", _) => {}
                (_, b"") => children.push(name.to_vec()),
                _ => children.push([path, b"/", name].concat()),
            }
        }
        Ok(children)
    }
}

fn absolute(path: &[u8]) -> Vec<u8> {
    [b"/", path].concat()
}

fn unsound(image: &Path, path: &[u8], error: Ext4Error) -> Error {
    let path = String::from_utf8_lossy(path);
    Error::external(format!("cannot read /{path} of {}", image.display())).because(error)
}
