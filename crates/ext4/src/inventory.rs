//! Turns a tree into inodes: numbers, names in directories, and link counts.

use std::collections::HashMap;

use kindling_base::{Error, Result};
use kindling_tree::{Content, Entry, Kind, Timestamp, Tree};

use crate::node::{
    self, Body, Child, FIRST_INODE, Node, ROOT, ROOT_INODE, empty_directory, refused,
};
use crate::{anchor, data_runs, directory, htree};

/// Place of `lost+found` in the list of nodes, behind the root.
const LOST_AND_FOUND: u32 = 1;
/// The directory that `e2fsck` puts orphans into.
const LOST_AND_FOUND_NAME: &[u8] = b"lost+found";
/// `EXT4_NAME_LEN`.
const MAX_NAME: usize = 255;
/// `EXT4_LINK_MAX`.
const MAX_LINKS: u32 = 65000;

/// The inodes of a tree in order of their numbers: the root, `lost+found`, then by path.
///
/// # Errors
/// Something that ext4 cannot hold; the error names the path. Or content cannot be read.
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
            let mut node = node::of(path, entry)?;
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
    find_data(&mut nodes)?;
    Ok(nodes)
}

/// Finds the parts of files that are not zeros.
fn find_data(nodes: &mut [Node<'_>]) -> Result<()> {
    let contents: Vec<&Content> = nodes.iter().filter_map(Node::content).collect();
    let mut found = data_runs::find_all(&contents)?.into_iter();
    for node in nodes {
        if let Body::File { runs, .. } = &mut node.body {
            *runs = found.next().unwrap_or_default(); // one for each file
        }
    }
    Ok(())
}

fn root(tree: &Tree) -> Result<Node<'_>> {
    let entry = tree
        .get(b"")
        .ok_or_else(|| Error::internal("the tree has no root"))?;
    let mut root = node::of(b"", entry)?;
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
    let attributes = node::attributes(LOST_AND_FOUND_NAME, entry)?;
    Ok(Node {
        number: FIRST_INODE,
        mode: 0o040_000 | attributes.mode,
        body: empty_directory(directory::LOST_AND_FOUND_BLOCKS - 1),
        links: 2,
        ..attributes
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
    let file_type = node::file_type(child.mode);
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

fn too_many() -> Error {
    Error::user("the tree has more files than ext4 has inode numbers")
}
