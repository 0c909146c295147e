//! Events that libraries report instead of printing.

use std::time::Duration;

/// The things that a progress count counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Bytes of a download or an image.
    Bytes,
    /// Debian packages.
    Packages,
    /// Object files of a kernel build.
    Objects,
    /// 4 KiB blocks of a filesystem image.
    Blocks,
}

impl Unit {
    /// The plural noun, as printed after a count.
    pub fn noun(self) -> &'static str {
        match self {
            Unit::Bytes => "bytes",
            Unit::Packages => "packages",
            Unit::Objects => "objects",
            Unit::Blocks => "blocks",
        }
    }
}

/// Whether a stage ran or its result was in the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The stage ran.
    Built,
    /// The store had its result.
    Cached,
}

/// One thing that happened. `stage` is a stage's name: `packages`, `kernel`, `rootfs` ...
#[derive(Clone, Debug)]
pub enum Event {
    /// A stage began to run.
    Started {
        /// The stage's name.
        stage: &'static str,
        /// The work that begins, for a person: `compiling Linux 6.1.170`.
        detail: String,
    },
    /// A stage counted something. Sent often; renderers thin it out.
    Progress {
        /// The stage's name.
        stage: &'static str,
        /// The things that are counted.
        unit: Unit,
        /// The count so far.
        done: u64,
        /// The count at the end, where it is known.
        total: Option<u64>,
    },
    /// A stage ended well.
    Finished {
        /// The stage's name.
        stage: &'static str,
        /// Ran or found.
        outcome: Outcome,
        /// The time that it took.
        elapsed: Duration,
        /// Size of its result in bytes.
        bytes: u64,
    },
    /// Something a person may want to know.
    Note(String),
    /// Something a person should look at although the work goes on.
    Warning(String),
}

/// Receives events; shared between threads.
pub trait Reporter: Sync {
    /// Takes one event. Must not block for long.
    fn report(&self, event: Event);
}

/// Drops every event.
#[derive(Debug)]
pub struct Silent;

impl Reporter for Silent {
    fn report(&self, _: Event) {}
}

impl<F: Fn(Event) + Sync> Reporter for F {
    fn report(&self, event: Event) {
        self(event);
    }
}
