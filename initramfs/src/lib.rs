//! The part of the initramfs's PID 1 that needs no kernel, so that it is tested on any machine.
//!
//! The command line ([`Options`]), the ways to name a root ([`Root`]), the file system and identity of a
//! block device ([`Filesystem`], [`partuuid`]), the kernel events that matter ([`is_block_event`]), parameters of modules
//! ([`parameters`]), and the text of a failure ([`Failure`]). Nothing here allocates or makes a system call; the program
//! around it is `main.rs`.
//!
//! **Every byte comes from outside**, so nothing may panic: slices are taken with `get`.

#![cfg_attr(not(test), no_std)]

mod bytes;
mod cmdline;
mod device;
mod errno;
mod failure;
mod filesystem;
mod mountflags;
mod parameters;
mod partition;
mod root;
mod uevent;

pub use bytes::Lossy;
pub use cmdline::{Options, words};
pub use device::{Device, Devices};
pub use errno::Reason;
pub use failure::{Attempts, Failure, report};
pub use filesystem::{Filesystem, HEAD_BYTES, identify};
pub use mountflags::{MountFlags, split as split_mount_flags};
pub use parameters::{PARAMETER_BYTES, parameters};
pub use partition::{PartUuid, partuuid};
pub use root::{BadRoot, Root};
pub use uevent::is_block_event;
