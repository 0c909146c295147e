//! Snapshots: machines that were saved when they were ready, for any number of VMs to go on from.
//!
//! ```text
//! snapshots/NAME/snapshot.json   what it is and what it can be resumed on
//!                memory, state   the machine, as `vmm::Machine::save` writes it
//!                disk.*          the VM's disk at that moment, with the images below it
//! snapshots/.new-*               one being made; its `lock` is held meanwhile
//! ```
//!
//! **A snapshot never changes**: memory is mapped copy-on-write, disks are laid over. VMs link what they use, so that a
//! snapshot may be removed while they run.

mod engine;
mod folder;
mod manifest;
mod resume;
pub(crate) mod save;
mod take;

pub use engine::Engine;
pub use folder::{Snapshot, Snapshots};
pub use manifest::SnapshotManifest;
pub use resume::{ResumeOptions, resume};
pub use take::take;
