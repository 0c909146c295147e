//! systemd's units as they are on disk: files, drop-ins, aliases, instances and links in `.wants` folders.

mod boot;
mod command;
mod file;
mod load;

pub(crate) use boot::Boot;
pub(crate) use command::{program, words};
pub(crate) use file::{UnitFile, parse};
pub(crate) use load::{Manager, Unit, Units};
