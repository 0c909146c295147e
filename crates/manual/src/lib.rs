//! For tests only: reads README, docs/ and the other pages for people, so that tests can keep them true.
//!
//! [`pages`] finds them; a [`Page`] has links, anchors and code blocks; [`check_command_lines`] tries what a reader may paste;
//! [`reference()`] makes the chapter that shows `--help` of every command.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a helper of tests: what fails here is a test that fails"
)]

mod commands;
mod page;
mod reference;

pub use commands::{CommandLine, check_command_lines, command_lines};
pub use page::{Block, Link, Page, pages, root};
pub use reference::{compare_reference, reference};
