//! Freezes a configured root: fills caches, removes leftovers, clamps times and writes a tar.

mod tar;
mod tidy;
mod warm;

pub(crate) use tar::{clamp, freeze, tidied, write};
pub(crate) use warm::warm;
