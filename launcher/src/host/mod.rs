//! The host below the VMs: KVM, the processor's time-stamp counter, memory.

pub(crate) mod accel;
pub mod kvm;
pub(crate) mod kvm_note;
mod memory;
pub mod tsc;

pub use memory::Memory;
