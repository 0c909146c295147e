//! For tests only: what a package archive is made of, small, throwaway and able to misbehave.
//!
//! [`LoopbackMirror`] serves a folder and fails on request; [`Signer`] makes OpenPGP keys and signs with them;
//! [`Deb`] and [`Repository`] build packages and the archive around them; [`NpmRegistry`] has packages of npm.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of tests: what fails here is a test that fails"
)]

mod deb;
mod mirror;
mod npm;
mod repository;
mod signer;

pub use deb::{Deb, ar};
pub use mirror::{Fault, LoopbackMirror};
pub use npm::NpmRegistry;
pub use repository::{Repository, Suite};
pub use signer::Signer;
