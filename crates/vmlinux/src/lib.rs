//! ELF kernels (`vmlinux`): whether a microVM monitor can start one, and its segments for whoever rewrites it.

pub mod elf;
mod pvh;

pub use pvh::{check, refused};
