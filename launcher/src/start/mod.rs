//! Making VMs from bundles, from the options of `kindling run` to a VM that is ready to be started.

pub(crate) mod admission;
pub(crate) mod bundle;
pub(crate) mod choose;
mod cmdline;
pub(crate) mod limits;
mod prepare;
mod verified;

pub use choose::{EngineOptions, Monitor};
pub use prepare::{RunOptions, prepare};
