//! Features of dependencies, the same in every part of the workspace: no code.
//!
//! Cargo compiles a dependency once for each set of features. `cargo xtask`, `cargo kindling` and `cargo test` build
//! different parts of the workspace, which ask some dependencies for different features; without this crate, each of them
//! would compile most of the others' dependencies again.
//!
//! The manifest is written by `cargo hakari generate`, and `cargo xtask tidy` says when it has to be. Only packages that
//! are programs depend on this crate: a library's key in a build would otherwise cover every crate there is.
