//! Foundations of every crate of Kindling.
//!
//! - [`Error`] has a place, a hint and an exit code; [`Failure`] is its form between processes.
//! - [`Event`] is the progress that libraries report instead of printing.
//! - [`Command`] runs external programs with a clean environment and a log.
//! - [`files`] has file operations whose errors carry the path; [`sparse`] hashes files with holes; [`Lock`] is an advisory lock.
//! - [`hash`] computes SHA-256.
//! - [`parallel`] does the same work on many items at a time.
//! - [`cancel`] ends work early when other work failed.
//! - [`did_you_mean`] makes hints for misspelt names.

pub mod cancel;
mod command;
mod error;
mod event;
mod failure;
pub mod files;
pub mod folders;
pub mod hash;
mod lock;
pub mod parallel;
pub mod sparse;
mod suggest;

pub use cancel::Cancel;
pub use command::{Command, Output, PRELOAD, search_path};
pub use error::{Context, Error, Exit, Result};
pub use event::{Event, Outcome, Reporter, Silent, Unit};
pub use failure::Failure;
pub use lock::Lock;
pub use suggest::{did_you_mean, nearest};
