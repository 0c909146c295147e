//! Crates that a `Cargo.lock` pins, laid out for cargo, so that a program can be compiled without a network.
//!
//! [`pins`] reads the lock, and [`vendor`] unpacks the `.crate` files for cargo's `directory` source.

mod pin;
mod unpack;
mod vendor;

pub use pin::{Pin, pins};
pub use vendor::vendor;
