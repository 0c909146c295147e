//! The packages of an archive in memory.

mod interner;
mod packages;
mod stanza;
mod table;
#[cfg(test)]
mod tests;

pub(crate) use packages::is_sha256;
pub use table::Index;
pub(crate) use table::{NameId, PackageId, Priority, Target, groups};
