//! Archives: their suites, signatures and indices, and the files of their packages.

mod certificate;
mod date;
mod fetch;
mod keyring;
mod load;
mod release;
mod suites;

pub use fetch::fetch_packages;
pub use keyring::Keyring;
pub use load::{PackagesFile, fetch_index, fetch_packages_files};
pub use suites::Archive;
