//! The bundle: a folder that holds all a virtual machine needs, and `bundle.json`, its contents page.
//!
//! `bundle.json` is the whole contract between the builder, which writes it, and the launcher, which
//! reads nothing else of the builder's.

mod manifest;
mod signature;
mod verify;

pub use manifest::{
    Artifact, Kernel, MANIFEST, Machine, Manifest, NpmPackage, Package, Readiness, Rootfs, SCHEMA,
    SUMS,
};
pub use signature::{SIGNATURE, verify_signature};
pub use verify::{load, verify, verify_all_but};
