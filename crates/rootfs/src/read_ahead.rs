//! The list by which the initramfs reads ahead what PID 1 is about to open.

use kindling_base::Result;
use kindling_tree::{Timestamp, Tree};

use super::set_text;

/// Where `kindling-init` looks for it (`initramfs/src/read_ahead.rs`).
const PATH: &str = "usr/lib/kindling/read-ahead";

/// Adds the list to a finished tree: paths, one a line, in the order of a boot. A tree without an init gets none, and an overlay
/// that brings a list of its own keeps it.
///
/// # Errors
/// Content of the tree cannot be read, or a file is in the way of a folder.
pub(super) fn add(tree: &mut Tree, mtime: Timestamp) -> Result<()> {
    if tree.get(PATH.as_bytes()).is_some() {
        return Ok(());
    }
    // A path with a line break in it is two lines of paths that do not exist.
    let mut list = kindling_sysroot::boot_files(tree)?.join("\n");
    if list.is_empty() {
        return Ok(());
    }
    list.push('\n');
    tree.make_parents(PATH.as_bytes(), mtime)?;
    set_text(tree, PATH, list, 0o644, mtime)
}

#[cfg(test)]
mod tests {
    use kindling_tree::{Content, Entry, Kind};

    use super::*;
    use crate::text;

    fn file(text: &str, mode: u16) -> Entry {
        let content = Content::Bytes(text.as_bytes().into());
        Entry::new(Kind::File(content), mode, Timestamp::default())
    }

    fn tree(files: &[(&str, Entry)]) -> Tree {
        let mut tree = Tree::new(Timestamp::default());
        for (path, entry) in files {
            tree.make_parents(path.as_bytes(), Timestamp::default())
                .unwrap();
            tree.insert(path.as_bytes(), entry.clone()).unwrap();
        }
        add(&mut tree, Timestamp::default()).unwrap();
        tree
    }

    #[test]
    fn a_tree_with_an_init_has_a_list_that_ends_in_a_line_break() {
        let tree = tree(&[("sbin/init", file("#!/bin/sh\n", 0o755))]);
        assert_eq!(text(&tree, PATH).unwrap(), "/sbin/init\n");
    }

    #[test]
    fn no_init_no_list_and_an_own_one_stays() {
        let without = tree(&[("etc/passwd", file("", 0o644))]);
        assert!(without.get(PATH.as_bytes()).is_none());
        let own = [
            ("sbin/init", file("#!/bin/sh\n", 0o755)),
            ("usr/lib/kindling/read-ahead", file("/own\n", 0o644)),
        ];
        assert_eq!(text(&tree(&own), PATH).unwrap(), "/own\n");
    }
}
