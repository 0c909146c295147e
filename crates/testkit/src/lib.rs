//! For tests only: what a package archive is made of, small, throwaway and able to misbehave.
//!
//! [`LoopbackMirror`] serves a folder and fails on request; [`Signer`] makes OpenPGP keys and signs with them;
//! [`Deb`] and [`Repository`] build packages and the archive around them; [`NpmRegistry`] has packages of npm;
//! [`Root`] is a small root filesystem; [`install`] puts programs of this machine into a folder.

#![expect(
    clippy::unwrap_used,
    reason = "a helper of tests: what fails here is a test that fails"
)]

mod deb;
mod installed;
mod kernel;
mod mirror;
mod npm;
mod repository;
mod root;
mod signer;
mod streams;

pub use deb::{Deb, ar};
pub use installed::install;
pub use kernel::kernel;
pub use mirror::{Fault, LoopbackMirror};
pub use npm::NpmRegistry;
pub use repository::{Repository, Suite};
pub use root::Root;
pub use signer::Signer;
pub use streams::{compressed, legacy_lz4};
