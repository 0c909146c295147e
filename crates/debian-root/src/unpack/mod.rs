//! Packages into a root: who owns which file, under which name it goes there, and all of it on all processors.

mod ahead;
mod claims;
mod directories;
mod overrides;
mod packages;
#[cfg(test)]
mod tests;

pub(crate) use ahead::Ahead;
pub(crate) use claims::Claims;
pub(crate) use packages::{Conffiles, DebFile, Unpacked, largest_first, unpack};
