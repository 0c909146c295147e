//! Crates of cargo's registries: the pins of a `Cargo.lock`, downloads by their hashes, and a folder that cargo takes as a source.
//!
//! So that a program can be compiled without a network: [`pins`] reads the lock, [`fetch`] has each `.crate` file in the
//! store, and [`vendor`] unpacks them for cargo's `directory` source. Nothing is resolved here, and no address is written
//! down here: [`Registries`] finds them on the machine.

mod configuration;
mod fetch;
mod finding;
mod home;
mod pin;
mod registries;
mod template;
mod unpack;
mod vendor;

pub use fetch::fetch;
pub use home::Places;
pub use pin::{Pin, pins};
pub use registries::Registries;
pub use vendor::vendor;
