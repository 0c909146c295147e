//! The sorted map from paths to entries.

mod path;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

use kindling_base::{Error, Result};

use crate::{Entry, Kind, Timestamp};
use path::{is_plain, parent};

/// A file tree. Paths are bytes relative to the root, without a leading slash; the root is the empty path.
///
/// **Invariants**: every entry's parent is an entry and a directory; iteration is in byte order, so a
/// parent comes before what is in it; a hard link's target is an earlier regular file.
#[derive(Clone, Debug)]
pub struct Tree {
    entries: BTreeMap<Vec<u8>, Entry>,
    /// Files that hard links point to, or once did: links are looked for when one of these is removed.
    linked: BTreeSet<Vec<u8>>,
}

impl Tree {
    /// A tree that has only a root directory, mode 0755 and owned by root.
    pub fn new(mtime: Timestamp) -> Self {
        let root = Entry::new(Kind::Directory, 0o755, mtime);
        Self {
            entries: BTreeMap::from([(Vec::new(), root)]),
            linked: BTreeSet::new(),
        }
    }

    /// The entry at `path`.
    pub fn get(&self, path: &[u8]) -> Option<&Entry> {
        self.entries.get(path)
    }

    /// The entry at `path`, to change its attributes or content. A hard link is made by [`Tree::insert`] alone.
    pub fn get_mut(&mut self, path: &[u8]) -> Option<&mut Entry> {
        self.entries.get_mut(path)
    }

    /// All entries in byte order of their paths, the root first.
    pub fn iter(&self) -> impl Iterator<Item = (&[u8], &Entry)> {
        self.entries
            .iter()
            .map(|(path, entry)| (path.as_slice(), entry))
    }

    /// The entries from a path on, in the same order. What is in a folder follows it.
    pub fn iter_from(&self, path: &[u8]) -> impl Iterator<Item = (&[u8], &Entry)> {
        self.entries
            .range::<[u8], _>((Bound::Included(path), Bound::Unbounded))
            .map(|(path, entry)| (path.as_slice(), entry))
    }

    /// All entries in the same order, to change their attributes.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (&[u8], &mut Entry)> {
        self.entries
            .iter_mut()
            .map(|(path, entry)| (path.as_slice(), entry))
    }

    /// Number of entries, the root included.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether the root is all there is.
    pub fn is_empty(&self) -> bool {
        self.len() == 1
    }

    /// Adds or replaces an entry. A replaced file that has other names keeps its content under those.
    ///
    /// # Errors
    /// The path is not plain (`..`, empty parts, a NUL, a leading slash), its parent is not a directory of
    /// this tree, a directory that is not empty would become something else, or a hard link's target is
    /// not an earlier regular file.
    pub fn insert(&mut self, path: &[u8], entry: Entry) -> Result<()> {
        let shown = String::from_utf8_lossy(path);
        if !is_plain(path) {
            return Err(Error::user(format!(
                "`{shown}` is no plain path below the root"
            )));
        }
        match self.get(parent(path)).map(|parent| &parent.kind) {
            Some(Kind::Directory) => {}
            Some(_) => {
                return Err(Error::user(format!(
                    "the parent of `{shown}` is no directory"
                )));
            }
            None => {
                return Err(Error::user(format!(
                    "the parent of `{shown}` is not in the tree"
                )));
            }
        }
        if !matches!(entry.kind, Kind::Directory) && self.has_children(path) {
            return Err(Error::user(format!(
                "`{shown}` is a directory with files in it and cannot be replaced"
            )));
        }
        if let Kind::HardLink(target) = &entry.kind {
            let fits = target.as_slice() < path
                && matches!(self.get(target).map(|e| &e.kind), Some(Kind::File(_)));
            if !fits {
                let target = String::from_utf8_lossy(target);
                return Err(Error::user(format!(
                    "the hard link `{shown}` points to `{target}`, which is no earlier file"
                )));
            }
            self.linked.insert(target.clone());
        }
        if let Some(old) = self.entries.insert(path.to_vec(), entry)
            && matches!(old.kind, Kind::File(_))
        {
            self.promote_link(path, old);
        }
        Ok(())
    }

    /// Makes the folders above `path` that are not there, root's and with mode 0755.
    ///
    /// # Errors
    /// A path above it is not a directory, or the path is not plain, as for [`Tree::insert`].
    pub fn make_parents(&mut self, path: &[u8], mtime: Timestamp) -> Result<()> {
        for (slash, _) in path.iter().enumerate().filter(|(_, byte)| **byte == b'/') {
            if self.get(&path[..slash]).is_none() {
                self.insert(&path[..slash], Entry::new(Kind::Directory, 0o755, mtime))?;
            }
        }
        Ok(())
    }

    /// Removes an entry and all that is below it. A removed file that has other names stays under the
    /// first of those.
    ///
    /// Removing the root or a path that is not there does nothing.
    pub fn remove(&mut self, path: &[u8]) {
        if path.is_empty() {
            return;
        }
        let removed = self.split_off(path);
        for (gone, entry) in removed {
            if matches!(entry.kind, Kind::File(_)) {
                self.promote_link(&gone, entry);
            }
        }
    }

    fn split_off(&mut self, path: &[u8]) -> Vec<(Vec<u8>, Entry)> {
        let mut gone: Vec<Vec<u8>> = Vec::from([path.to_vec()]);
        gone.extend(self.below(path).map(<[u8]>::to_vec));
        gone.into_iter()
            .filter_map(|path| self.entries.remove_entry(&path))
            .collect()
    }

    /// Gives a file that is gone to the first of its other names.
    fn promote_link(&mut self, gone: &[u8], file: Entry) {
        if !self.linked.remove(gone) {
            return;
        }
        let points_here =
            |entry: &Entry| matches!(&entry.kind, Kind::HardLink(target) if target == gone);
        let names: Vec<Vec<u8>> = self
            .entries
            .iter()
            .filter(|(_, entry)| points_here(entry))
            .map(|(path, _)| path.clone())
            .collect();
        let Some((first, others)) = names.split_first() else {
            return;
        };
        for other in others {
            if let Some(entry) = self.entries.get_mut(other) {
                entry.kind = Kind::HardLink(first.clone());
                self.linked.insert(first.clone());
            }
        }
        self.entries.insert(first.clone(), file);
    }

    fn has_children(&self, path: &[u8]) -> bool {
        !path.is_empty() && self.below(path).next().is_some()
    }

    /// Paths strictly below a directory.
    fn below(&self, path: &[u8]) -> impl Iterator<Item = &[u8]> {
        let start = [path, b"/"].concat();
        let prefix = start.clone();
        self.entries
            .range(start..)
            .map(|(path, _)| path.as_slice())
            .take_while(move |path| path.starts_with(&prefix))
    }
}

#[cfg(test)]
mod tests;
