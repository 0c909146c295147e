//! Diversions: a file of ours in the place of a package's, which stays under another name.

use kindling_base::{Error, Result};
use kindling_tree::{Timestamp, Tree};

/// dpkg's list of them: three lines each, the path, its new name, and the package that asked, `:` for the
/// administrator.
const LIST: &str = "var/lib/dpkg/diversions";

/// Moves `from` to `to` and tells dpkg, as `dpkg-divert --local --rename --divert /TO /FROM` does.
///
/// # Errors
/// There is nothing at `from`, something at `to`, or no folder for it.
pub(super) fn divert(tree: &mut Tree, from: &[u8], to: &[u8], mtime: Timestamp) -> Result<()> {
    let (shown_from, shown_to) = (String::from_utf8_lossy(from), String::from_utf8_lossy(to));
    let Some(entry) = tree.get(from).cloned() else {
        return Err(Error::user(format!(
            "an overlay diverts /{shown_from}, which no package has"
        ))
        .hint("remove it from [diverted] of the overlay's overlay.toml, or install the package"));
    };
    if tree.get(to).is_some() {
        return Err(Error::user(format!(
            "an overlay diverts /{shown_from} to /{shown_to}, which is there already"
        ))
        .hint("choose another name in [diverted] of the overlay's overlay.toml"));
    }
    tree.remove(from);
    tree.insert(to, entry)?;
    let mut list = super::text(tree, LIST)?;
    list.push_str(&format!("/{shown_from}\n/{shown_to}\n:\n"));
    super::set_text(tree, LIST, list, 0o644, mtime)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_tree::{Content, Entry, Kind};

    #[test]
    fn a_diverted_file_moves_and_dpkg_knows() {
        let mut tree = Tree::new(Timestamp::default());
        let file = || Kind::File(Content::Bytes(b"original".as_slice().into()));
        for path in ["usr", "var", "var/lib", "var/lib/dpkg"] {
            let folder = Entry::new(Kind::Directory, 0o755, Timestamp::default());
            tree.insert(path.as_bytes(), folder).unwrap();
        }
        let entry = Entry::new(file(), 0o755, Timestamp::default());
        tree.insert(b"usr/tool", entry).unwrap();
        let mtime = Timestamp::default();
        divert(&mut tree, b"usr/tool", b"usr/tool.distrib", mtime).unwrap();
        assert!(tree.get(b"usr/tool").is_none());
        let moved = super::super::text(&tree, "usr/tool.distrib").unwrap();
        assert_eq!(moved, "original");
        let list = super::super::text(&tree, LIST).unwrap();
        assert_eq!(list, "/usr/tool\n/usr/tool.distrib\n:\n");
        let error = divert(&mut tree, b"usr/tool", b"usr/other", mtime).unwrap_err();
        assert!(error.report().contains("which no package has"));
    }
}
