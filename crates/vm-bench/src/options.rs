//! The options of benchmarks.

use std::path::PathBuf;

use crate::Until;

/// The options of all benchmarks.
#[derive(Clone, Debug)]
pub struct Options {
    /// Rounds that count.
    pub runs: u32,
    /// Rounds before them that do not: they fill the page cache and let the processor find its speed.
    pub warmup: u32,
    /// A port of the guest that has to answer.
    pub until: Option<Until>,
    /// Seconds that one VM may take until it is ready and answers.
    pub timeout_s: u32,
    /// The folder of bundles.
    pub out: Option<PathBuf>,
    /// Options of `kindling run` for every boot.
    pub run: BootOptions,
    /// Boot once more with `initcall_debug`, to see the kernel's own steps.
    pub profile: bool,
    /// The command line, for the report.
    pub command: String,
}

/// Options of `kindling run`, as the binary's command line has read them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BootOptions {
    /// The words, each option once.
    pub words: Vec<String>,
    /// Whether they ask for a VM with an address of its own, which needs no published port to be reached.
    pub addressed: bool,
}

/// A saved machine that is resumed or cloned.
#[derive(Clone, Debug)]
pub struct Saved {
    /// The name of a snapshot or of a VM that is ready, or a bundle.
    pub name: String,
    /// Boot its bundle as well, in turns; a bundle always is.
    pub against_boot: bool,
}

/// One side of a comparison.
#[derive(Clone, Debug)]
pub struct Side {
    /// The bundle.
    pub bundle: String,
    /// More options of `kindling run`, for this side only.
    pub run: Vec<String>,
}
