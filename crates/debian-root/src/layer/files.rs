//! The files of a layer's result, and the tree that layers make together.

use std::path::PathBuf;

use kindling_base::{Result, files};
use kindling_tree::{Kind, Tree};

/// The name of the frozen tree in [`Assembly::out`](crate::Assembly::out); of a layer it is only there if it could not be
/// added to what is below it. [`tree`] reads all cases.
pub const TREE: &str = "tree.tar";
/// The files that a layer added and changed.
pub(crate) const DELTA: &str = "delta.tar";
/// The paths that a layer removed, each with a NUL after it.
pub(crate) const REMOVED: &str = "removed";

/// The tree of layers, given the folder of each, the lowest first.
///
/// # Errors
/// A layer's files cannot be read, or do not fit what is below them.
pub fn tree(layers: &[PathBuf]) -> Result<Tree> {
    // A layer that could not be added to those below it is a whole tree.
    let whole = layers.iter().rposition(|layer| layer.join(TREE).exists());
    let start = whole.unwrap_or(0);
    let Some(lowest) = layers.get(start) else {
        return Ok(Tree::new(kindling_tree::Timestamp::default()));
    };
    let mut tree = Tree::from_tar(&lowest.join(TREE))?;
    for layer in &layers[start + 1..] {
        let removed = files::read(&layer.join(REMOVED))?;
        for path in removed.split(|&b| b == 0).filter(|path| !path.is_empty()) {
            tree.remove(path);
        }
        let delta = Tree::from_tar(&layer.join(DELTA))?;
        for (path, entry) in delta.iter() {
            tree.insert(path, entry.clone())
                .map_err(|error| error.within(layer.display()))?;
        }
    }
    Ok(tree)
}

/// Bytes of all files of a tree, for the room that restoring it takes.
pub(crate) fn size(tree: &Tree) -> u64 {
    let sizes = tree.iter().map(|(_, entry)| match &entry.kind {
        Kind::File(content) => content.len().next_multiple_of(4096),
        _ => 0,
    });
    sizes.sum()
}
