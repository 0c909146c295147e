//! Crates of cargo's registries: downloads of what a `Cargo.lock` pins, each by its hash, into the store.
//!
//! [`fetch`] has each `.crate` file of [`kindling_vendor::pins`] in the store. Nothing is resolved here, and no address is written
//! down here: [`Registries`] finds them on the machine.

mod configuration;
mod fetch;
mod finding;
mod home;
mod registries;
mod template;

pub use fetch::fetch;
pub use home::Places;
pub use registries::Registries;
