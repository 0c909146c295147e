//! Mirrors: where a person, the environment, a recipe and this machine say that an archive is.

mod addresses;
mod places;
mod releases;
mod sources;

pub use addresses::{Mirrors, archive_name};
pub use sources::machine_sources;
