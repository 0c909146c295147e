//! One file of a tree.

use std::collections::BTreeMap;

use crate::Content;

/// Seconds and nanoseconds since 1970-01-01 UTC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp {
    /// Whole seconds; negative before 1970.
    pub seconds: i64,
    /// Nanoseconds, below 1,000,000,000.
    pub nanoseconds: u32,
}

/// A file, folder, link or device with its attributes.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Permission, set-id and sticky bits: `0o7777` at most.
    pub mode: u16,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
    /// Time of the last change of the content.
    pub mtime: Timestamp,
    /// Extended attributes by full name, such as `security.capability`.
    pub xattrs: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Type and content.
    pub kind: Kind,
}

/// Type and content of an entry.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A folder; what is in it has a path below its own.
    Directory,
    /// A regular file.
    File(Content),
    /// A symbolic link to this text.
    Symlink(Vec<u8>),
    /// Another name of the regular file at this path of the tree, which sorts before.
    /// The attributes of this entry are those of the target and are ignored.
    HardLink(Vec<u8>),
    /// A character device.
    CharDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A block device.
    BlockDevice {
        /// Major number.
        major: u32,
        /// Minor number.
        minor: u32,
    },
    /// A named pipe.
    Fifo,
    /// A socket.
    Socket,
}

impl Entry {
    /// An entry of root's without xattrs.
    pub fn new(kind: Kind, mode: u16, mtime: Timestamp) -> Self {
        Self {
            mode,
            uid: 0,
            gid: 0,
            mtime,
            xattrs: BTreeMap::new(),
            kind,
        }
    }
}
