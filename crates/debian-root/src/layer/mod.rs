//! Layers: packages that were added to a lock later are added to the tree of the earlier ones.
//!
//! A layer's result is what it changed: `delta.tar` with every file that is new or was changed and the folders above
//! them, and `removed` with the paths that are gone. [`tree`] puts layers together. The lock says which package is in
//! which layer, so that the bytes depend on the lock alone.

mod add;
mod changes;
mod files;

pub(crate) use add::add;
pub(crate) use changes::freeze_changes;
pub(crate) use files::size;
pub use files::{TREE, tree};
