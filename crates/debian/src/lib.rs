//! The Debian package engine: mirrors, signed indices, the solver, and the fetching of packages; then
//! .deb files, and the way from them to a configured, frozen tree.

mod ar;
mod archive;
mod assemble;
mod claims;
mod configure;
mod conflict;
mod control;
mod date;
pub mod deb822;
pub mod deb;
mod dpkg;
mod explain;
mod fetch;
mod freeze;
pub mod http;
mod index;
mod keyring;
mod load;
mod lock;
mod mirrors;
mod order;
mod overrides;
mod packages;
mod place;
mod provider;
pub mod relation;
mod release;
mod root;
pub mod sandbox;
mod solve;
pub mod sources;
mod tidy;
mod unpack;
pub mod version;
mod walk;

pub use archive::Archive;
pub use assemble::{Assembly, TREE, assemble};
pub use fetch::{FetchError, fetch_packages};
pub use http::{Backoff, Client};
pub use index::Index;
pub use keyring::Keyring;
pub use load::{PackagesFile, fetch_index, fetch_packages_files};
pub use lock::LockedPackage;
pub use mirrors::{Mirrors, archive_name};
pub use solve::{Request, solve};
