//! The serial console: the meaning of its lines, and its end for a person.

mod line;
mod tail;
mod watcher;

pub(crate) use tail::tail;
pub(crate) use watcher::{Finding, Watcher};
