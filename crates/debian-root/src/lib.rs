//! The way from .deb files to a configured, frozen tree.
//!
//! [`assemble()`] unpacks packages as dpkg does, runs their maintainer scripts in a sandbox and writes the tree as one
//! tar; [`layer`] adds packages to a tree that is there; [`tools()`] only unpacks. Nothing here knows an archive, a mirror or a lock.

mod assemble;
mod dpkg;
mod freeze;
pub mod layer;
mod root;
mod tools;
mod unpack;

pub use assemble::{ASSEMBLE, Assembly, assemble};
pub use dpkg::run_in_root;
pub use layer::TREE;
pub use tools::{TOOLS, Tools, UNPACK, tools};

/// The hash of all code that a tree of packages depends on.
pub const CODE: &str = env!("KINDLING_CODE");
