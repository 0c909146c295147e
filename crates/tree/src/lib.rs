//! A file tree in memory, sorted, with everything an image needs to know of each file.
//!
//! Ownership lives here and not in the files of the machine that builds, so that the image is the same
//! whoever builds it. Contents stay where they are (a range of a file, such as a member of a tar) until
//! somebody reads them.

mod content;
mod entry;
mod tree;

pub use content::Content;
pub use entry::{Entry, Kind, Timestamp};
pub use tree::Tree;
