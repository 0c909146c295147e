//! `cargo xtask`: build, lock, check and test images.

#[expect(dead_code, reason = "the commands report to it")]
mod render;

fn main() {}
