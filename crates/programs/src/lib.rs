//! Programs of this project that run in the guest, compiled so that their bytes do not tell where or by whom.
//!
//! A [`Program`] is one that a recipe names; [`agent`] is the guest's agent; [`compile`] serves PID 1 as well. Beside
//! each program lies the list of the crates in it ([`linked`]), for the bill of materials.

pub mod agent;
mod compile;
pub mod linked;
mod program;
mod sources;

pub use compile::{Compiled, Target, VENDOR, Workshop, compile};
pub use program::{LIMIT_BYTES, Program, build, read};
pub use sources::{hash_sources, sources};

/// The hash of all code that a compiled program depends on, besides its own sources.
pub const CODE: &str = env!("KINDLING_CODE");
