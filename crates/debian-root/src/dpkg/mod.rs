//! The tree's dpkg: its database, the order of packages, maintainer scripts and configuration.

pub(crate) mod configure;
pub(crate) mod database;
mod order;
mod programs;

pub(crate) use order::batches;
pub(crate) use programs::Programs;
pub use programs::run_in_root;
