//! Turns measurements into reports: statistics, phases, comparisons, tables and pages of `kindling bench`.
//!
//! Reports are computed from saved runs alone, so that every figure can be computed again. Only [`contest`], which
//! `cargo xtask bench` uses, runs what it is handed and reads a clock.
//!
//! A [`Report`] has one or two [`Subject`]s, each with its [`Run`]s: points in time ([`Milestone`]) in milliseconds from
//! the start of the command. [`Phase`]s are the spans between them. `docs/benchmarks.md` has the method.

mod comparison;
pub mod contest;
pub mod engine;
mod facts;
pub mod guest;
mod html;
mod markdown;
mod milestone;
mod report;
#[cfg(test)]
mod sample;
pub mod stats;
mod templates;
mod text;

pub use comparison::{Comparison, MINIMUM_RUNS, Ratio, Verdict};
pub use html::page;
pub use markdown::table;
pub use milestone::{Milestone, PHASES, Phase, Points};
pub use report::{
    Action, Artifact, ClockJoin, EngineUsed, Footprint, Machine, Profile, Report, Run, SCHEMA,
    Settings, Subject,
};
