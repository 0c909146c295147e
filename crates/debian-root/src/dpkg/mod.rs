//! The tree's dpkg: its database, the order of packages, maintainer scripts and configuration.

mod append;
pub(crate) mod configure;
pub(crate) mod database;
mod order;
mod programs;
mod triggers;

pub(crate) use order::batches;
pub(crate) use programs::Programs;
pub use programs::run_in_root;
