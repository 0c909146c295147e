//! The Debian package engine.

mod ar;
mod assemble;
mod claims;
mod configure;
mod control;
pub mod deb;
pub mod deb822;
mod dpkg;
mod freeze;
mod order;
mod overrides;
mod place;
pub mod relation;
mod root;
pub mod sandbox;
mod tidy;
mod unpack;
pub mod version;

pub use assemble::{Assembly, TREE, assemble};
