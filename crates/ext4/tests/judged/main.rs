//! Images judged by programs and crates that know nothing of our code: `e2fsck`, `debugfs`, `dumpe2fs`,
//! `resize2fs` and `ext4-view`. A judge that is not installed is skipped, and said so.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "clippy.toml allows them in test functions; these are helpers of such"
)]

mod attributes;
mod large;
mod random_trees;
mod read_back;
mod real_tree;
mod refused;
mod resize;
mod stable;
mod support;
mod trees;
