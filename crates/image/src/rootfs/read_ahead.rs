//! The list by which the initramfs reads ahead what PID 1 is about to open.

use kindling_base::Result;
use kindling_tree::{Content, Entry, Kind, Timestamp, Tree};

/// Where `kindling-init` looks for it (`initramfs/src/read_ahead.rs`).
const PATH: &[u8] = b"usr/lib/kindling/read-ahead";

/// Adds the list to a finished tree: paths, one a line, in the order of a boot. A tree without an init gets none, and an overlay
/// that brings a list of its own keeps it.
///
/// # Errors
/// Content of the tree cannot be read, or something in the way is no folder.
pub(super) fn add(tree: &mut Tree, mtime: Timestamp) -> Result<()> {
    // A line that breaks is two paths that do not exist.
    let mut list = kindling_lint::boot_files(tree)?.join("\n");
    if list.is_empty() || tree.get(PATH).is_some() {
        return Ok(());
    }
    list.push('\n');
    for (end, _) in PATH.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
        if tree.get(&PATH[..end]).is_none() {
            tree.insert(&PATH[..end], Entry::new(Kind::Directory, 0o755, mtime))?;
        }
    }
    let content = Kind::File(Content::Bytes(list.into_bytes().into()));
    tree.insert(PATH, Entry::new(content, 0o644, mtime))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str, mode: u16) -> Entry {
        let content = Content::Bytes(text.as_bytes().into());
        Entry::new(Kind::File(content), mode, Timestamp::default())
    }

    fn tree(files: &[(&str, Entry)]) -> Tree {
        let mut tree = Tree::new(Timestamp::default());
        for (path, entry) in files {
            for (end, _) in path.match_indices('/') {
                let folder = Entry::new(Kind::Directory, 0o755, Timestamp::default());
                tree.insert(&path.as_bytes()[..end], folder).unwrap();
            }
            tree.insert(path.as_bytes(), entry.clone()).unwrap();
        }
        add(&mut tree, Timestamp::default()).unwrap();
        tree
    }

    fn list(tree: &Tree) -> Option<String> {
        match &tree.get(PATH)?.kind {
            Kind::File(content) => Some(String::from_utf8(content.read().unwrap()).unwrap()),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_tree_with_an_init_has_a_list_that_ends_in_a_line_break() {
        let tree = tree(&[("sbin/init", file("#!/bin/sh\n", 0o755))]);
        assert_eq!(list(&tree).unwrap(), "/sbin/init\n");
    }

    #[test]
    fn no_init_no_list_and_an_own_one_stays() {
        assert_eq!(list(&tree(&[("etc/passwd", file("", 0o644))])), None);
        let own = [
            ("sbin/init", file("#!/bin/sh\n", 0o755)),
            ("usr/lib/kindling/read-ahead", file("/own\n", 0o644)),
        ];
        assert_eq!(list(&tree(&own)).unwrap(), "/own\n");
    }
}
