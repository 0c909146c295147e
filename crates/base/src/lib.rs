//! Foundations of every crate of Kindling.
//!
//! - [`Error`] has a place, a hint and an exit code; [`Failure`] is its form between processes.
//! - [`Event`] is the progress that libraries report instead of printing.
//! - [`Command`] runs external programs with a clean environment and a log.
//! - [`files`] has file operations whose errors carry the path; [`sparse`] hashes files with holes; [`Lock`] is an advisory lock.
//! - [`hash`] computes SHA-256.
//! - [`parallel`] does the same work on many items at a time.
//! - [`host`] installs the packages that the machine itself must have.
//! - [`did_you_mean`] makes hints for misspelt names.

mod command;
mod error;
mod event;
mod failure;
pub mod files;
pub mod folders;
pub mod hash;
pub mod host;
mod lock;
pub mod parallel;
pub mod sparse;
mod suggest;

pub use command::{Command, Output, PRELOAD};
pub use error::{Context, Error, Exit, Result};
pub use event::{Event, Outcome, Reporter, Silent, Unit};
pub use failure::Failure;
pub use lock::Lock;
pub use suggest::{did_you_mean, nearest};
