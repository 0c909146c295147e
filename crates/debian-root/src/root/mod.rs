//! The root folder of a tree that is being made: opening it, room in memory for it, and putting files into it, telling what changed since.

mod folder;
mod mark;
pub(crate) mod memory;
pub(crate) mod place;
mod restore;

pub(crate) use folder::{Root, split};
pub(crate) use mark::Mark;
pub(crate) use restore::restore;
