//! The image pipeline: a TOML recipe goes in, a verified bundle comes out.

pub mod host;
pub mod initramfs;
pub mod kernel;
pub mod keyring;
pub mod lock;
pub mod project;
pub mod recipe;
