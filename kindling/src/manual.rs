//! Tests that the pages for people are true of `kindling`.

use clap::CommandFactory;
use kindling_manual::{check_command_lines, compare_reference, reference};

use crate::args::Cli;

const INTRODUCTION: &str = "\
`cargo kindling` runs bundles as virtual machines and looks after them. In the checkout type `cargo kindling`; the program
itself, `target/release/kindling`, runs anywhere. This page is the text of `--help`, command by command; a test keeps the
two equal. To build images, see [cargo xtask](commands-xtask.md).";

#[test]
fn the_command_reference_is_the_help() {
    let text = reference(Cli::command(), INTRODUCTION);
    compare_reference("docs/commands-kindling.md", &text);
}

#[test]
fn every_command_line_of_a_page_parses() {
    check_command_lines::<Cli>("kindling");
}
