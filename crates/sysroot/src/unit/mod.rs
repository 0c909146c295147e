//! systemd's units as they are on disk: files, drop-ins, aliases, instances and links in `.wants` folders.

mod boot;
mod command;
mod file;
mod load;

pub use boot::Boot;
pub use command::{program, words};
pub use file::{UnitFile, parse};
pub use load::{Manager, Unit, Units};
