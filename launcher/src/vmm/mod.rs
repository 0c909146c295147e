//! Virtual machine monitors behind one small trait, [`Machine`].

pub(crate) mod any;
pub(crate) mod child;
pub mod firecracker;
mod kind;
mod machine;
pub(crate) mod qemu;

pub use kind::Vmm;
pub(crate) use machine::{Event, MEMORY, Machine, STATE};
