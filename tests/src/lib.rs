//! Helpers of the end-to-end cases: a scratch project, our two programs run in it, guests and a browser.
#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::expect_used,
    reason = "this crate is only tests"
)]

mod bom;
mod browser;
mod guest;
mod program;
mod scratch;
mod tiny;

pub use bom::check_bom;
pub use browser::{Browser, Picture};
pub use guest::{Guest, free_port};
pub use program::{Ran, kindling, with_environment, xtask};
pub use scratch::{Scratch, project};
pub use tiny::Tiny;
