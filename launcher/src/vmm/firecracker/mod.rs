//! Firecracker: its API over a Unix socket, the serial console over a pipe, snapshots and the jail.
//!
//! The process works in the VM's folder and every path in its configuration is relative, so that a snapshot names no
//! place and any number of clones run side by side.

mod api;
mod boot;
pub(crate) mod cgroup;
mod find;
mod jail;
mod machine;
mod process;
mod restore;
mod settings;
mod start;
#[cfg(test)]
pub(crate) mod tests;
pub(crate) mod uffd;
mod version;

pub use find::{Binary, JAILER_VARIABLE, VARIABLE};
pub(crate) use find::{find, in_path, jailer, locate};
pub(crate) use machine::Firecracker;
pub use process::{LOG, METRICS};
pub use settings::{Fill, Jail, Settings, Transport};
pub(crate) use start::start;
pub use version::{MINIMUM, Version};

/// The host's end of the guest's vsock in the VM's folder: `CONNECT PORT\n` asks for a port of the guest, which
/// Firecracker answers with `OK NUMBER\n`; the guest reaches what listens at this name with `_PORT` after it.
pub(crate) const VSOCK_SOCKET: &str = "vsock.sock";
/// The memory in a snapshot's folder.
pub(crate) const MEMORY: &str = "memory";
/// The state of processors and devices in a snapshot's folder.
pub(crate) const STATE: &str = "state";
