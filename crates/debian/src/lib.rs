//! Debian's archives: mirrors, signed indices, the solver, and downloads of packages.
//!
//! [`mirrors`] turns the name of an archive into addresses, [`archive`] fetches what is there and checks it, [`index`]
//! holds its packages in memory, [`solve`](mod@solve) chooses among them.

mod archive;
mod index;
mod mirrors;
mod solve;

pub use archive::{
    Archive, Keyring, PackagesFile, fetch_index, fetch_packages, fetch_packages_files,
};
pub use index::Index;
pub use mirrors::{Mirrors, archive_name, machine_sources};
pub use solve::{Request, solve};
