//! The root folder of a tree that is being made: opening it, room in memory for it, and putting files into it.

mod folder;
pub(crate) mod memory;
pub(crate) mod place;
mod restore;

pub(crate) use folder::{Root, split};
pub(crate) use restore::restore;
