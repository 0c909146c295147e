//! From a configured root to a tar: caches are filled, leftovers go, times are clamped.

mod tar;
mod tidy;
mod warm;

pub(crate) use tar::{clamp, freeze, tidied, write};
pub(crate) use warm::warm;
