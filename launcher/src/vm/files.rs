//! Names of the files in a VM's folder.

/// The serial console's log.
pub const CONSOLE_LOG: &str = "console.log";
/// The log of the virtual machine monitor and of the supervisor.
pub const VMM_LOG: &str = "vmm.log";
/// The supervisor's socket.
pub(crate) const CONTROL_SOCKET: &str = "control.sock";
/// The VM as it was asked for.
pub(super) const SPEC: &str = "vm.json";
/// Its state.
pub(super) const STATUS: &str = "status.json";
/// The lock that its supervisor holds.
pub(crate) const LOCK: &str = "lock";

/// The files besides the logs that `kindling gc` leaves.
pub(crate) const KEPT: [&str; 3] = [SPEC, STATUS, LOCK];
