//! npm's registries: which one has a package, which versions are needed and where they go, and their tarballs.

mod catalog;
mod fetch;
mod ideal;
mod manifest;
mod npmrc;
mod packument;
mod place;
mod platform;
mod registry;
mod resolve;
mod spec;

pub use fetch::fetch;
pub use manifest::runs_on;
pub use npmrc::Places;
pub use registry::{Registries, ask_npm};
pub use resolve::{Request, resolve};
pub use spec::{Spec, Wanted, split_name};
