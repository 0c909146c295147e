//! Namespaces of our own: what a job and its programs do stays in one folder.
//!
//! A job is a function of the executable that [`main_if_reexecuted`] knows by name; its input are bytes that only it
//! reads. All of it happens in one helper process, so that ownership means the same throughout, whether the builder is
//! root or an ordinary user:
//!
//! ```text
//! builder        starts the helper, sends it a job, relays its progress
//!   outer        leaves the user's namespaces; as an ordinary user it waits for its ids first
//!     inner      process 1 of the new namespaces: does the job
//!       enter    one a program: gives the program the folder as its root and becomes it
//! ```
//!
//! The helper is the builder's own executable, whose `main` begins with [`main_if_reexecuted`].

mod build_root;
mod check;
mod enter;
mod helper;
mod ids;
mod inner;
mod job;
mod mounts;
mod outer;
mod program;
mod reexec;
mod remove;
mod run;
mod stage;
mod syncs;
mod wire;

pub use build_root::{BUILD, BuildRoot, Order};
pub use check::{CHECK, check};
pub use helper::perform;
pub use inner::end_processes;
pub use job::{Job, Progress};
pub use program::{Bind, Program, STAND_INS, StandIn};
pub use reexec::main_if_reexecuted;
pub use remove::{REMOVE, remove};
pub use run::{RUN, run};
