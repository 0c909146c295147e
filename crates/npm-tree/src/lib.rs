//! Packages of npm in a tree: their tarballs in the store, their folders and their commands in an image.
//!
//! Nothing of a package is ever run: no lifecycle scripts, neither here nor in a sandbox. Nothing here knows a registry.

mod commands;
mod install;
pub mod integrity;
mod locked;
mod name;
pub mod package_json;
mod placeholder;
mod stored;
mod unpack;

pub use install::install;
pub use locked::{LIBRARY, LockedNpm, usual_tarball};
pub use name::is_name;
pub use stored::{STAGE, TARBALL, key, stored};
