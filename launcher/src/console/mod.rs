//! The serial console: what its lines mean, and how they are shown to a person.

mod line;
mod tail;
mod watcher;

pub(crate) use tail::tail;
pub(crate) use watcher::{Finding, Watcher};
