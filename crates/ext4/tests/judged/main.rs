//! Images judged by programs and crates that know nothing of our code: `e2fsck`, `debugfs`, `dumpe2fs`,
//! `resize2fs` and `ext4-view`. A judge that is not installed is skipped, and said so.

mod random_trees;
mod read_back;
mod support;
mod trees;
