//! Files with several names, which the reader of images does not tell apart from copies: so the directories are read here.
//!
//! The layout is that of the kernel's Documentation/filesystems/ext4.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use kindling_base::{Context, Error, Result, files};

/// The root's inode.
const ROOT: u32 = 2;

/// The deepest tree of extents that ext4 has.
const DEPTH: u16 = 5;

/// Paths, without a leading slash, of regular files that have other names as well, each with its inode.
///
/// # Errors
/// The file cannot be read or is not a sound ext4.
pub(super) fn linked(image: &Path) -> Result<BTreeMap<Vec<u8>, u32>> {
    let raw = Raw::open(image)?;
    let (mut found, mut seen) = (BTreeMap::new(), BTreeSet::from([ROOT]));
    let mut waiting = vec![(Vec::new(), ROOT)];
    while let Some((folder, inode)) = waiting.pop() {
        for (name, inode, kind) in raw.entries(inode)? {
            let path = match folder.as_slice() {
                b"" => name,
                folder => [folder, b"/", &name].concat(),
            };
            match kind {
                DIRECTORY if seen.insert(inode) => waiting.push((path, inode)),
                REGULAR if number(&raw.inode(inode)?, 26, 2)? > 1 => {
                    found.insert(path, inode);
                }
                _ => {}
            }
        }
    }
    Ok(found)
}

/// Types in directory entries.
const REGULAR: u8 = 1;
const DIRECTORY: u8 = 2;

struct Raw<'a> {
    path: &'a Path,
    file: File,
    block_bytes: u64,
    inode_bytes: u64,
    inodes_per_group: u32,
    /// Block of each group's inode table.
    tables: Vec<u64>,
}

impl<'a> Raw<'a> {
    fn open(path: &'a Path) -> Result<Self> {
        let mut raw = Self {
            path,
            file: files::open(path)?,
            block_bytes: 1024,
            inode_bytes: 0,
            inodes_per_group: 1,
            tables: Vec::new(),
        };
        let head = raw.read(1024, 1024)?;
        let field = |at, bytes| number(&head, at, bytes);
        let magic = field(56, 2)?;
        if magic != 0xef53 || field(24, 4)? > 6 {
            return Err(raw.unsound("it has no superblock"));
        }
        raw.block_bytes = 1024 << field(24, 4)?;
        raw.inode_bytes = field(88, 2)?;
        raw.inodes_per_group = field(40, 4)?.max(1) as u32;
        // 64bit: descriptors say themselves how long they are.
        let descriptor = match field(96, 4)? & 0x80 {
            0 => 32,
            _ => field(254, 2)?.max(32),
        };
        let groups = field(0, 4)?.div_ceil(raw.inodes_per_group.into());
        let first = (field(20, 4)? + 1) * raw.block_bytes;
        for group in 0..groups {
            let bytes = raw.read(first + group * descriptor, descriptor)?;
            let high = if descriptor >= 64 {
                number(&bytes, 40, 4)?
            } else {
                0
            };
            raw.tables.push(number(&bytes, 8, 4)? | high << 32);
        }
        Ok(raw)
    }

    fn inode(&self, inode: u32) -> Result<Vec<u8>> {
        let index = inode.wrapping_sub(1);
        let group = (index / self.inodes_per_group) as usize;
        let table = self.tables.get(group);
        let table = table.ok_or_else(|| self.unsound("a name leads to no inode"))?;
        let at = u64::from(index % self.inodes_per_group) * self.inode_bytes;
        self.read(table * self.block_bytes + at, self.inode_bytes)
    }

    /// Name, inode and type of each entry of a directory.
    fn entries(&self, directory: u32) -> Result<Vec<(Vec<u8>, u32, u8)>> {
        let inode = self.inode(directory)?;
        let mut blocks = Vec::new();
        self.extents(inode.get(40..100).unwrap_or(b""), DEPTH, &mut blocks)?;
        let mut entries = Vec::new();
        for block in blocks {
            let bytes = self.read(block * self.block_bytes, self.block_bytes)?;
            let mut at = 0;
            // Nodes of a hashed directory look like entries of no inode that fill their block.
            while at + 8 <= bytes.len() {
                let inode = number(&bytes, at, 4)? as u32;
                let length = number(&bytes, at + 4, 2)? as usize;
                let (name, kind) = (usize::from(bytes[at + 6]), bytes[at + 7]);
                if length < 8 {
                    return Err(self.unsound("a directory has an entry without length"));
                }
                let name = bytes.get(at + 8..at + 8 + name).unwrap_or(b"");
                if inode != 0 && name != b"." && name != b".." {
                    entries.push((name.to_vec(), inode, kind));
                }
                at += length;
            }
        }
        Ok(entries)
    }

    /// The blocks that a node of a tree of extents leads to.
    fn extents(&self, node: &[u8], depth: u16, blocks: &mut Vec<u64>) -> Result<()> {
        if number(node, 0, 2)? != 0xf30a || depth == 0 {
            return Err(self.unsound("a directory has no extents"));
        }
        let is_leaf = number(node, 6, 2)? == 0;
        for entry in 0..number(node, 2, 2)? as usize {
            let at = 12 + 12 * entry;
            if is_leaf {
                let start = number(node, at + 8, 4)? | number(node, at + 6, 2)? << 32;
                // Above 32768 an extent was never written.
                let count = number(node, at + 4, 2)?;
                blocks.extend((start..start + count).take_while(|_| count <= 32768));
            } else {
                let child = number(node, at + 4, 4)? | number(node, at + 8, 2)? << 32;
                let bytes = self.read(child * self.block_bytes, self.block_bytes)?;
                self.extents(&bytes, depth - 1, blocks)?;
            }
        }
        Ok(())
    }

    fn read(&self, at: u64, bytes: u64) -> Result<Vec<u8>> {
        let mut buffer = vec![0; bytes as usize]; // at most a block
        let read = self.file.read_exact_at(&mut buffer, at);
        read.context(format!("cannot read {}", self.path.display()))?;
        Ok(buffer)
    }

    fn unsound(&self, why: &str) -> Error {
        Error::external(format!("{} is no sound ext4: {why}", self.path.display()))
    }
}

/// A little-endian number of at most eight bytes.
fn number(bytes: &[u8], at: usize, count: usize) -> Result<u64> {
    let field = bytes.get(at..at + count);
    let field = field.ok_or_else(|| Error::external("an ext4 structure ends too early"))?;
    Ok(field
        .iter()
        .rev()
        .fold(0, |value, byte| value << 8 | u64::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_tree::{Content, Entry, Kind, Timestamp, Tree};

    #[test]
    fn names_of_one_file_share_an_inode() {
        let now = Timestamp::default();
        let mut tree = Tree::new(now);
        let mut add = |path: &str, kind| {
            tree.insert(path.as_bytes(), Entry::new(kind, 0o755, now))
                .unwrap()
        };
        add("many", Kind::Directory);
        // Enough for a hashed directory.
        for number in 0..2000 {
            add(
                &format!("many/file-with-a-long-name-{number}"),
                Kind::File(Content::Bytes(b"x".as_slice().into())),
            );
        }
        add(
            "one",
            Kind::File(Content::Bytes(b"shared".as_slice().into())),
        );
        add("other", Kind::HardLink(b"one".to_vec()));
        add("sub", Kind::Directory);
        add("sub/third", Kind::HardLink(b"one".to_vec()));
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("image");
        let options = kindling_ext4::Options {
            uuid: [1; 16],
            hash_seed: [2; 16],
            label: String::new(),
            epoch: 0,
            free_bytes: 1 << 20,
            journal: None,
        };
        kindling_ext4::write(&tree, &options, &image, &mut |_, _| {}).unwrap();
        let found = linked(&image).unwrap();
        let paths: Vec<&[u8]> = found.keys().map(Vec::as_slice).collect();
        assert_eq!(paths, [&b"one"[..], b"other", b"sub/third"]);
        assert_eq!(found.values().collect::<BTreeSet<_>>().len(), 1);
        let raw = Raw::open(&image).unwrap();
        let many = raw
            .entries(ROOT)
            .unwrap()
            .into_iter()
            .find(|(name, ..)| name == b"many");
        assert_eq!(raw.entries(many.unwrap().1).unwrap().len(), 2000);
    }

    #[test]
    fn what_is_no_image_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, [0; 4096]).unwrap();
        let report = linked(&file).unwrap_err().report();
        assert!(
            report.contains("is no sound ext4: it has no superblock"),
            "{report}"
        );
    }
}
