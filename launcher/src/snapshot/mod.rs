//! Snapshots: machines that were saved when they were ready, for any number of VMs to go on from.
//!
//! ```text
//! snapshots/NAME/snapshot.json   what it is and what it can be resumed on
//!                memory, state   the machine, as `vmm::Machine::save` writes it
//!                disk.*          the VM's disk at that moment, with the images below it
//! snapshots/.new-*               one being made; its `lock` is held meanwhile
//! ```
//!
//! **A snapshot never changes**: memory is mapped copy-on-write, disks are laid over. A VM has its memory open and its
//! disks linked, so that the snapshot may be removed while it runs. (Firecracker's page-fault handler adds a file of its
//! own, the pages that were wanted first, which only makes the next VM faster.)

mod bundled;
mod engine;
mod folder;
mod manifest;
pub(crate) mod personal;
mod resume;
pub(crate) mod save;
mod take;

pub use engine::Engine;
pub use folder::{Snapshot, Snapshots};
pub use manifest::SnapshotManifest;
pub use resume::{ResumeOptions, resume};
pub use take::{Keep, take};
