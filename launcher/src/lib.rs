//! Boots, lists and stops microVMs from Kindling bundles.
//!
//! There is no daemon. A VM is a folder ([`StateFolder`]) with a lock that its supervisor holds: [`prepare`] makes the
//! folder from a bundle, [`supervise`] runs its machine to the end, in this process or, through [`detach`], in one of
//! its own. Every other command reads the folder, and asks the supervisor where something has to change ([`stop`]).
//!
//! **A bundle is never written to**: a VM has a copy-on-write disk of its own. **A machine never outlives its
//! supervisor**: the kernel kills it.

mod accel;
mod agent;
mod attach;
pub mod bench;
mod bundle;
mod card;
mod cmdline;
mod config;
mod console;
mod control;
mod detach;
mod disk;
mod doctor;
mod gc;
mod host;
pub mod kvm;
mod kvm_note;
mod limits;
mod logs;
pub mod network;
mod probe;
mod publish;
mod qmp;
mod run;
mod snapshot;
mod spec;
mod state;
mod status;
mod stop;
mod supervise;
mod timeline;
pub mod tsc;
mod verified;
mod vmm;

pub use accel::{Accelerator, Wanted};
pub use agent::{Exec, Input, Place, copy, exec};
pub use attach::{Left, console};
pub use detach::{SUPERVISE_COMMAND, detach, supervise_detached};
pub use disk::{Disk, Format};
pub use doctor::{Doctor, Requirement, Verdict, examine};
pub use gc::{Collected, GcOptions, collect};
pub use host::Memory;
pub use logs::copy as copy_log;
pub use probe::probe;
pub use publish::Publish;
pub use run::{Options, prepare};
pub use snapshot::{
    Engine, Keep, ResumeOptions, Snapshot, SnapshotManifest, Snapshots, resume,
    take as take_snapshot,
};
pub use spec::{Source, Spec};
pub use state::{CONSOLE_LOG, Listing, OwnedVm, StateFolder, VMM_LOG, Vm};
pub use status::{Ending, State, Status, StopStep};
pub use stop::{Stopped, remove, stop};
pub use supervise::{Report, STOP_GRACE, Sink, supervise};
pub use vmm::choose::EngineOptions;
pub use vmm::engine::Vmm;
pub use vmm::firecracker;
