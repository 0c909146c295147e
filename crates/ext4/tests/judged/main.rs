//! Judges images by programs and crates that know nothing of our code: `e2fsck`, `debugfs`, `dumpe2fs`, `resize2fs`,
//! `ext4-view` (`read_back`) and `arcbox-ext4` (`arcbox`). A program that is not installed is skipped with a message.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::print_stdout,
    reason = "clippy.toml allows them in test functions; these are helpers of such"
)]

mod arcbox;
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
