//! The Debian package engine: mirrors, signed indices, the solver, and the fetching of packages; then
//! .deb files, and the way from them to a configured, frozen tree.

mod ar;
mod archive;
mod date;
pub mod deb;
pub mod deb822;
mod fetch;
pub mod http;
mod index;
mod keyring;
mod load;
mod lock;
mod mirrors;
mod packages;
pub mod relation;
mod release;
pub mod sources;
pub mod version;

pub use archive::Archive;
pub use fetch::{FetchError, fetch_packages};
pub use http::{Backoff, Client};
pub use index::Index;
pub use keyring::Keyring;
pub use load::fetch_index;
pub use lock::LockedPackage;
pub use mirrors::{Mirrors, archive_name};
