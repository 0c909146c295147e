//! npm packages: which registry has them, which versions are needed, their tarballs, and their folders in an image.
//!
//! Nothing of a package is ever run: no lifecycle scripts, neither here nor in a sandbox.

mod catalog;
mod commands;
mod fetch;
mod ideal;
mod install;
mod integrity;
mod lock;
mod manifest;
mod npmrc;
mod packument;
mod place;
mod placeholder;
mod platform;
mod registry;
mod resolve;
mod spec;
mod unpack;

pub use fetch::{STAGE, fetch, key, stored};
pub use install::{LIBRARY, install};
pub use integrity::to_hex;
pub use lock::LockedNpm;
pub use manifest::runs_on;
pub use npmrc::Places;
pub use registry::{Registries, ask_npm};
pub use resolve::{Request, resolve};
pub use spec::{Spec, Wanted, split_name};
