//! The agent: the program inside the guest that does what the launcher asks. It runs commands, copies files, and makes a
//! resumed clone a guest of its own.
//!
//! [`serve`] is one channel's whole life, over any pair of a reader and a writer; [`port`] and [`vsock`] are the channels
//! of QEMU and of Firecracker. Threads, no event loop: a handful of streams, each with its own, is what a guest has.
//!
//! [`http`] and [`bridge`] are other processes of the same program, which answer on ports; [`network`] is one that ends when
//! the network is there, and [`ready`] one that ends when the console has been told that the machine is up.
//!
//! **Whoever reaches a channel is root in this guest.** The port is the host's and root's alone; connections over vsock
//! are taken from the host only.

pub mod bridge;
mod exec;
mod files;
pub mod http;
pub mod image;
mod mode;
mod named;
mod netlink;
pub mod network;
mod options;
mod outbox;
mod personalise;
pub mod port;
mod power;
pub mod ready;
mod resolv;
mod session;
mod stream;
pub mod systemd;
mod user;
pub mod vsock;

pub use mode::Mode;
pub use session::{Greeting, serve};
