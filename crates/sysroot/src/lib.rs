//! A root filesystem, read as the programs in it will read it.
//!
//! [`Files`] follows links and searches PATH; [`elf`] and [`Loader`] find the libraries of a program as ld.so does; [`mod@unit`]
//! loads systemd's units and walks what a boot starts; [`boot_files`] lists the files that a boot opens. Nothing is run.

mod boot_files;
pub mod elf;
mod files;
mod generators;
mod loader;
pub mod unit;

pub use boot_files::boot_files;
pub use files::{Files, Found, shown};
pub use generators::{Served, generators, served};
pub use loader::Loader;
