//! The Debian package engine: mirrors, signed indices, the solver, and the fetching of packages.

mod agent;
mod archive;
mod blob;
mod certificate;
mod conflict;
mod date;
pub mod deb822;
mod explain;
mod fetch;
pub mod http;
mod index;
mod keyring;
mod load;
mod lock;
mod mirrors;
mod packages;
mod places;
mod provider;
pub mod relation;
mod release;
mod solve;
pub mod sources;
pub mod version;
mod walk;

pub use archive::Archive;
pub use blob::fetch_url;
pub use fetch::{FetchError, fetch_packages};
pub use http::{Backoff, Client};
pub use index::Index;
pub use keyring::Keyring;
pub use load::{PackagesFile, fetch_index, fetch_packages_files};
pub use lock::LockedPackage;
pub use mirrors::{Mirrors, archive_name};
pub use solve::{Request, solve};
