//! Boots, lists and stops microVMs from Kindling bundles.
//!
//! There is no daemon. A VM is a folder ([`StateFolder`]) with a lock that its supervisor holds: [`prepare`] makes the
//! folder from a bundle, [`supervise`] runs its machine to the end, in this process or, through [`detach`], in one of
//! its own. Every other command reads the folder, and asks the supervisor where something has to change ([`stop`]).
//!
//! **A bundle is never written to**: a VM has a copy-on-write disk of its own. **A machine never outlives its
//! supervisor**: the kernel kills it.

mod agent;
mod config;
mod console;
mod disk;
mod doctor;
mod gc;
mod host;
pub mod network;
mod snapshot;
mod start;
mod supervise;
mod sys;
mod vm;
mod vmm;

pub use agent::{Exec, Input, Ping, Place, capture, copy, exec, ping};
pub use disk::{Disk, Format};
pub use doctor::{Doctor, Requirement, Verdict, examine};
pub use gc::{Collected, GcOptions, collect};
pub use host::accel::{Accelerator, Wanted};
pub use host::{Memory, kvm, tsc};
pub use network::Publish;
pub use snapshot::{
    Engine, Keep, ResumeOptions, Snapshot, SnapshotManifest, Snapshots, resume,
    take as take_snapshot,
};
pub use start::bundle::find as find_bundle;
pub use start::{EngineOptions, Monitor, RunOptions, prepare};
pub use supervise::detach::{SUPERVISE_COMMAND, detach, supervise_detached};
pub use supervise::{Report, STOP_GRACE, Sink, supervise};
pub use vm::logs::copy as copy_log;
pub use vm::reach::probe;
pub use vm::spec::{Source, Spec};
pub use vm::status::{Ending, State, Status, StopStep};
pub use vm::stop::{Stopped, remove, stop};
pub use vm::visit::{Left, console};
pub use vm::{CONSOLE_LOG, Listing, OwnedVm, StateFolder, VMM_LOG, Vm, timeline};
pub use vmm::{Vmm, firecracker};
