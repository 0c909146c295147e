//! Nothing but dependencies: what some crate of the workspace asks of them, all of it asks.
//!
//! Cargo compiles a dependency once for each set of features. `cargo xtask`, `cargo kindling` and `cargo test` build
//! different parts of the workspace, whose sets differ in a few small crates that nearly everything stands on; without
//! this crate, each of them would compile most of the others' dependencies again.
//!
//! What belongs here are the features that `cargo tree --workspace --edges normal,build,dev --format '{p} {f}'` shows for
//! a crate, and the same with `--package xtask` or `--package kindling` does not.
