//! The files of a tree as inodes: numbers, links, names in directories, and what each needs.

use std::collections::HashMap;

use kindling_base::{Error, Result};
use kindling_tree::{Content, Entry, Kind, Timestamp, Tree};

use crate::anchor;
use crate::data_runs::{self, DataRuns};
use crate::inode;
use crate::xattr;
use crate::{BLOCK, directory, htree};

/// `EXT4_ROOT_INO`.
pub(crate) const ROOT_INODE: u32 = 2;
/// `EXT4_GOOD_OLD_FIRST_INO`, by custom that of `lost+found`.
pub(crate) const FIRST_INODE: u32 = 11;
/// Places of the root and of `lost+found` in the list of nodes.
const ROOT: u32 = 0;
const LOST_AND_FOUND: u32 = 1;
/// The directory that `e2fsck` puts orphans into.
const LOST_AND_FOUND_NAME: &[u8] = b"lost+found";

/// `EXT4_NAME_LEN`.
const MAX_NAME: usize = 255;
/// A link's text is shorter than one block, which also has its NUL; the kernel's PATH_MAX says the same.
const MAX_SYMLINK: usize = BLOCK - 1;
/// A shorter text than this is in `i_block` itself, `EXT4_N_BLOCKS * 4`.
pub(crate) const FAST_SYMLINK: usize = 60;
/// `EXT4_LINK_MAX`.
const MAX_LINKS: u32 = 65000;
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

/// What an inode holds.
#[derive(Debug)]
pub(crate) enum Body<'a> {
    Directory(Directory<'a>),
    File {
        content: &'a Content,
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

/// The inodes of a tree in order of their numbers: the root, `lost+found`, then by path.
///
/// # Errors
/// Something that ext4 cannot hold; the error names the path.
pub(crate) fn collect<'a>(
    tree: &'a Tree,
    epoch: i64,
    hash_seed: &[u8; 16],
) -> Result<Vec<Node<'a>>> {
    let mut nodes: Vec<Node<'a>> = Vec::with_capacity(tree.len() + 1);
    let mut index: HashMap<&[u8], u32> = HashMap::with_capacity(tree.len() + 1);
    let mut next = u64::from(FIRST_INODE) + 1;
    let entries = tree.iter().filter(|(path, _)| !path.is_empty());
    nodes.push(root(tree)?);
    nodes.push(lost_and_found(tree, epoch)?);
    index.insert(b"", ROOT);
    index.insert(LOST_AND_FOUND_NAME, LOST_AND_FOUND);
    for (path, entry) in entries {
        let place = if let Kind::HardLink(target) = &entry.kind {
            let target = find(&index, target)?;
            nodes[target as usize].links += 1;
            target
        } else if path == LOST_AND_FOUND_NAME {
            continue;
        } else {
            let mut node = node(path, entry)?;
            let number = anchor::place(path, next, &anchor::INODES);
            node.number = u32::try_from(number).map_err(|_| too_many())?;
            next = number + 1;
            let place = u32::try_from(nodes.len()).map_err(|_| too_many())?;
            nodes.push(node);
            index.insert(path, place);
            place
        };
        add_name(&mut nodes, &index, path, place)?;
    }
    let root_names = &mut nodes[ROOT as usize];
    if let Body::Directory(directory) = &mut root_names.body {
        root_names.links += 1;
        directory.children.push(Child {
            name: LOST_AND_FOUND_NAME,
            node: LOST_AND_FOUND,
            file_type: 2,
        });
    }
    for node in &mut nodes {
        finish(node, hash_seed)?;
    }
    Ok(nodes)
}

impl Node<'_> {
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

    /// Blocks of content, holes that are known beforehand left out.
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

fn root(tree: &Tree) -> Result<Node<'_>> {
    let entry = tree
        .get(b"")
        .ok_or_else(|| Error::internal("the tree has no root"))?;
    let mut root = node(b"", entry)?;
    root.number = ROOT_INODE;
    Ok(root)
}

/// The tree's own `lost+found`, or one that only root may look into.
fn lost_and_found(tree: &Tree, epoch: i64) -> Result<Node<'_>> {
    let time = Timestamp {
        seconds: epoch,
        nanoseconds: 0,
    };
    let made = Entry::new(Kind::Directory, 0o700, time);
    let entry = tree.get(LOST_AND_FOUND_NAME).unwrap_or(&made);
    if !matches!(entry.kind, Kind::Directory) {
        return Err(Error::user(
            "`lost+found` of the tree is no directory, as ext4 needs it to be",
        ));
    }
    let attributes = attributes(LOST_AND_FOUND_NAME, entry)?;
    Ok(Node {
        number: FIRST_INODE,
        mode: 0o040_000 | attributes.mode,
        body: empty_directory(directory::LOST_AND_FOUND_BLOCKS - 1),
        links: 2,
        ..attributes
    })
}

fn node<'a>(path: &'a [u8], entry: &'a Entry) -> Result<Node<'a>> {
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
            let runs = data_runs::find(content)?;
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
fn attributes<'a>(path: &'a [u8], entry: &Entry) -> Result<Node<'a>> {
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

fn empty_directory<'a>(padding: u32) -> Body<'a> {
    Body::Directory(Directory {
        parent: ROOT,
        children: Vec::new(),
        is_indexed: false,
        blocks: 0,
        padding,
    })
}

/// Enters a path's last part into its directory.
fn add_name<'a>(
    nodes: &mut [Node<'a>],
    index: &HashMap<&[u8], u32>,
    path: &'a [u8],
    place: u32,
) -> Result<()> {
    let slash = path.iter().rposition(|&byte| byte == b'/');
    let (above, name) = match slash {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (&b""[..], path),
    };
    if name.len() > MAX_NAME {
        return Err(refused(path, "has a name of more than 255 bytes")
            .note(format!("length: {}", name.len())));
    }
    let parent = find(index, above)?;
    let child = &mut nodes[place as usize];
    let file_type = file_type(child.mode);
    let is_directory = match &mut child.body {
        Body::Directory(directory) => {
            directory.parent = parent;
            true
        }
        _ => false,
    };
    let parent = &mut nodes[parent as usize];
    parent.links += u32::from(is_directory);
    if let Body::Directory(directory) = &mut parent.body {
        directory.children.push(Child {
            name,
            node: place,
            file_type,
        });
    }
    Ok(())
}

/// Settles what depends on all names: link counts and the size of directories.
fn finish(node: &mut Node<'_>, hash_seed: &[u8; 16]) -> Result<()> {
    if let Body::Directory(directory) = &mut node.body {
        directory.blocks = 1 + u64::from(directory.padding);
        if directory::is_large(&directory.children) {
            let size = htree::size(&directory.children, hash_seed);
            if size.leaves > htree::MAX_LEAVES {
                return Err(refused(
                    node.path,
                    "is a directory with too many names for ext4",
                ));
            }
            directory.is_indexed = true;
            directory.blocks = size.blocks as u64;
        }
        if node.links >= MAX_LINKS {
            node.links = 1; // `dir_nlink`: too many to count
        }
    } else if node.links > MAX_LINKS {
        return Err(refused(node.path, "has more than 65000 hard links")
            .note(format!("links: {}", node.links)));
    }
    Ok(())
}

fn find(index: &HashMap<&[u8], u32>, path: &[u8]) -> Result<u32> {
    index.get(path).copied().ok_or_else(|| {
        let shown = String::from_utf8_lossy(path);
        Error::internal(format!("`{shown}` is referred to but not in the tree"))
    })
}

/// `EXT4_FT_*` of a mode's type bits.
fn file_type(mode: u16) -> u8 {
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

fn refused(path: &[u8], why: &str) -> Error {
    Error::user(format!("`{}` {why}", String::from_utf8_lossy(path)))
}

fn too_many() -> Error {
    Error::user("the tree has more files than ext4 has inode numbers")
}
