//! One module a command.

pub(crate) mod bench;
pub(crate) mod build_image;
mod cargo;
pub(crate) mod doctor;
pub(crate) mod gc;
pub(crate) mod inspect;
pub(crate) mod kernel_config;
pub(crate) mod lint;
pub(crate) mod lock;
mod ready_snapshot;
mod setup;
pub(crate) mod test;
pub(crate) mod tidy;
pub(crate) mod verify;
mod verify_build;
