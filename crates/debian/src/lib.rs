//! The Debian package engine: mirrors, signed indices, the solver, and the fetching of packages.

pub mod deb822;
pub mod http;
pub mod mirrors;
pub mod relation;
pub mod sources;
pub mod version;

pub use http::{Backoff, Client};
pub use mirrors::Mirrors;
