//! A VM as a folder on the host, and the commands that read it or ask its supervisor.
//!
//! ```text
//! vms/.lock          held for the moment in which VMs are listed, made or removed
//! vms/NAME/vm.json   what was asked for; never changes
//!          status.json   what became of it; written by whoever holds `lock`
//!          lock          held by the VM's supervisor as long as it lives
//!          control.sock  requests to the supervisor
//!          console.log   what the guest wrote to its serial port
//!          vmm.log       what the virtual machine monitor and the supervisor had to say
//! vms/.new-*         a VM being made, vms/.gone-* one being removed
//! ```
//!
//! **A VM lives while its lock is held.** A VM whose status says otherwise has lost its supervisor; whoever
//! sees that first writes it down.

pub(crate) mod control;
mod create;
mod files;
mod folder;
pub(crate) mod logs;
mod name;
mod outcome;
mod owned;
pub(crate) mod reach;
mod remove;
pub(crate) mod spec;
pub(crate) mod status;
pub(crate) mod stop;
#[cfg(test)]
mod tests;
pub mod timeline;
pub(crate) mod visit;

pub use files::{CONSOLE_LOG, VMM_LOG};
pub(crate) use files::{CONTROL_SOCKET, KEPT, LOCK};
pub use folder::{Listing, StateFolder};
pub(crate) use name::{is_name, stem_of};
pub use owned::{OwnedVm, Vm};
