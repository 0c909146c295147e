//! Parsers of a guest's account of its own boot: systemd's properties and the kernel's log.

mod initcalls;
mod systemd;

pub use initcalls::{Initcall, initcalls};
pub use systemd::{
    CRITICAL_CHAIN, MANAGER, Manager, UNITS, Unit, manager, network_ms, painted_ms, units,
};
