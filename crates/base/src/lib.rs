//! What every room of Kindling stands on.
//!
//! Errors that say what, where and what next ([`Error`]), also between processes ([`Failure`]); the events that libraries report instead of
//! printing ([`Event`]); external programs through one function ([`Command`]); file operations whose
//! errors carry the path ([`files`]); SHA-256 ([`hash`], of disk images [`sparse`]); advisory locks ([`Lock`]); work
//! on many items at a time ([`parallel`]); the packages that the machine itself must have ([`host`]).

mod command;
mod error;
mod event;
mod failure;
pub mod files;
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
