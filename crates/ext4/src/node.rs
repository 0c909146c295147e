//! One inode of the image: what a tree's entry becomes, and how many blocks it needs.

use kindling_base::{Error, Result};
use kindling_tree::{Content, Entry, Kind, Timestamp};

use crate::BLOCK;
use crate::data_runs::DataRuns;
use crate::inode;
use crate::xattr;

/// `EXT4_ROOT_INO`.
pub(crate) const ROOT_INODE: u32 = 2;
/// `EXT4_GOOD_OLD_FIRST_INO`, by custom that of `lost+found`.
pub(crate) const FIRST_INODE: u32 = 11;
/// Place of the root in the list of nodes.
pub(crate) const ROOT: u32 = 0;

/// A link's text is shorter than one block, which also has its NUL; the kernel's PATH_MAX says the same.
const MAX_SYMLINK: usize = BLOCK - 1;
/// A shorter text than this is in `i_block` itself, `EXT4_N_BLOCKS * 4`.
pub(crate) const FAST_SYMLINK: usize = 60;
/// Logical block numbers have 32 bits.
const MAX_FILE_BYTES: u64 = (u32::MAX as u64) * BLOCK as u64;

/// One inode of the image.
#[derive(Debug)]
pub(crate) struct Node<'a> {
    pub(crate) path: &'a [u8],
    pub(crate) number: u32,
    /// Type and permission bits.
    pub(crate) mode: u16,
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    pub(crate) time: Timestamp,
    /// Names that lead here.
    pub(crate) links: u32,
    pub(crate) xattrs: Option<xattr::Stored>,
    pub(crate) body: Body<'a>,
    /// Payload address of its first block, if it has any.
    pub(crate) first: u64,
}

/// The content of an inode.
#[derive(Debug)]
pub(crate) enum Body<'a> {
    Directory(Directory<'a>),
    File {
        content: &'a Content,
        /// The runs that are not zeros; known after all files were looked at.
        runs: DataRuns,
    },
    Symlink(&'a [u8]),
    /// A device, by its `i_block`.
    Device([u8; 60]),
    /// A FIFO or a socket.
    Empty,
}

/// The names in a directory, in byte order.
#[derive(Debug)]
pub(crate) struct Directory<'a> {
    /// Index of the node that holds this directory; the root's own for the root.
    pub(crate) parent: u32,
    pub(crate) children: Vec<Child<'a>>,
    /// Whether it is a hash tree; this and the next are known when all names are.
    pub(crate) is_indexed: bool,
    /// Number of blocks.
    pub(crate) blocks: u64,
    /// Blocks without names at the end.
    pub(crate) padding: u32,
}

/// A name in a directory.
#[derive(Debug)]
pub(crate) struct Child<'a> {
    pub(crate) name: &'a [u8],
    /// Index of its node.
    pub(crate) node: u32,
    /// `EXT4_FT_*`.
    pub(crate) file_type: u8,
}

impl<'a> Node<'a> {
    /// The bytes of a regular file.
    pub(crate) fn content(&self) -> Option<&'a Content> {
        match self.body {
            Body::File { content, .. } => Some(content),
            _ => None,
        }
    }

    /// Whether it is a directory.
    pub(crate) fn is_directory(&self) -> bool {
        matches!(self.body, Body::Directory(_))
    }

    /// Bytes that `stat` shows.
    pub(crate) fn size(&self) -> u64 {
        match &self.body {
            Body::Directory(directory) => directory.blocks * BLOCK as u64,
            Body::File { content, .. } => content.len(),
            Body::Symlink(text) => text.len() as u64,
            Body::Device(_) | Body::Empty => 0,
        }
    }

    /// Blocks of content, holes left out.
    pub(crate) fn data_blocks(&self) -> u64 {
        match &self.body {
            Body::Directory(directory) => directory.blocks,
            Body::File { runs, .. } => runs.blocks(),
            Body::Symlink(text) => u64::from(text.len() >= FAST_SYMLINK),
            Body::Device(_) | Body::Empty => 0,
        }
    }

    /// 1 if there is an attribute block.
    pub(crate) fn xattr_blocks(&self) -> u64 {
        let stored = self.xattrs.as_ref();
        u64::from(stored.is_some_and(|stored| stored.block.is_some()))
    }
}

/// The inode of an entry other than a hard link, without a number.
///
/// # Errors
/// ext4 cannot hold it.
pub(crate) fn of<'a>(path: &'a [u8], entry: &'a Entry) -> Result<Node<'a>> {
    let attributes = attributes(path, entry)?;
    let device = |major: u32, minor: u32| {
        let bytes = inode::device(major, minor).ok_or_else(|| {
            refused(path, "is a device with numbers that Linux does not have").note(format!(
                "major: {major} (4095 at most)\nminor: {minor} (1048575 at most)"
            ))
        });
        Ok::<_, Error>(Body::Device(bytes?))
    };
    let (kind, links, body) = match &entry.kind {
        Kind::Directory => (0o040_000, 2, empty_directory(0)),
        Kind::File(content) => {
            if content.len() > MAX_FILE_BYTES {
                return Err(refused(
                    path,
                    "is larger than 16 TiB, the most that ext4 holds",
                ));
            }
            let runs = DataRuns::default();
            (0o100_000, 1, Body::File { content, runs })
        }
        Kind::Symlink(text) => {
            if text.is_empty() || text.len() > MAX_SYMLINK {
                let why = "is a symbolic link whose text has not 1 to 4095 bytes";
                return Err(refused(path, why).note(format!("length: {}", text.len())));
            }
            (0o120_000, 1, Body::Symlink(text))
        }
        Kind::CharDevice { major, minor } => (0o020_000, 1, device(*major, *minor)?),
        Kind::BlockDevice { major, minor } => (0o060_000, 1, device(*major, *minor)?),
        Kind::Fifo => (0o010_000, 1, Body::Empty),
        Kind::Socket => (0o140_000, 1, Body::Empty),
        Kind::HardLink(_) => return Err(Error::internal("a hard link has no inode of its own")),
    };
    Ok(Node {
        mode: kind | attributes.mode,
        links,
        body,
        ..attributes
    })
}

/// A node with what every kind of entry has.
pub(crate) fn attributes<'a>(path: &'a [u8], entry: &Entry) -> Result<Node<'a>> {
    if entry.mode > 0o7777 {
        return Err(refused(
            path,
            "has a mode with more than the twelve permission bits",
        ));
    }
    if !inode::holds_time(entry.mtime) {
        return Err(
            refused(path, "has a time that ext4 cannot hold (1901 to 2310)")
                .note(format!("time: {:?}", entry.mtime)),
        );
    }
    Ok(Node {
        path,
        number: 0,
        mode: entry.mode,
        uid: entry.uid,
        gid: entry.gid,
        time: entry.mtime,
        links: 0,
        xattrs: xattr::store(path, &entry.xattrs)?,
        body: Body::Empty,
        first: 0,
    })
}

/// A directory without names.
pub(crate) fn empty_directory<'a>(padding: u32) -> Body<'a> {
    Body::Directory(Directory {
        parent: ROOT,
        children: Vec::new(),
        is_indexed: false,
        blocks: 0,
        padding,
    })
}

/// `EXT4_FT_*` of a mode's type bits.
pub(crate) fn file_type(mode: u16) -> u8 {
    match mode >> 12 {
        0o10 => 1,
        0o04 => 2,
        0o02 => 3,
        0o06 => 4,
        0o01 => 5,
        0o14 => 6,
        _ => 7,
    }
}

/// The error for a path that ext4 cannot hold.
pub(crate) fn refused(path: &[u8], why: &str) -> Error {
    Error::user(format!("`{}` {why}", String::from_utf8_lossy(path)))
}
