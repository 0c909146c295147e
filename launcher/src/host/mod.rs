//! What the host offers: processors that run guests (KVM, the time-stamp counter) and memory.

pub(crate) mod accel;
pub mod kvm;
pub(crate) mod kvm_note;
mod memory;
pub mod tsc;

pub use memory::Memory;
