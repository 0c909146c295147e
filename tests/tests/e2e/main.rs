//! End-to-end cases, in one program: build, break, boot, look.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "helpers of tests; a test that cannot run prints why"
)]

mod agent;
mod bad_archives;
mod bad_recipes;
mod bare_machine;
mod bench;
mod boot;
mod bundle;
mod clones;
mod desktop;
mod evidence;
mod interrupted;
mod kernel_judge;
mod lint;
mod locks;
mod network;
mod no_room;
mod npm;
mod ordinary_user;
mod ubuntu;
mod vendor_archives;
mod verify;
