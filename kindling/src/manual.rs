//! Tests that the pages for people are true of `kindling`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use clap::CommandFactory;
use kindling_base::Result;
use kindling_config::{Config, Table};
use kindling_launcher::network::NetworkConfig;
use kindling_manual::{Block, check_command_lines, compare_reference, pages, reference};
use serde_json::Value;

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

#[test]
fn every_configuration_of_a_page_is_read() {
    let pages = pages().into_iter();
    let blocks = pages.flat_map(|page| page.blocks());
    let blocks: Vec<Block> = blocks.filter(|block| block.kind == "config").collect();
    assert!(blocks.len() > 2, "the search finds configurations");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    for block in blocks {
        std::fs::write(&path, &block.text).unwrap();
        let read = || -> Result<()> {
            let config = Config::read(&path)?;
            config.table::<NetworkConfig>(Table::Network)?.check()?;
            config.table::<BTreeMap<String, u64>>(Table::Limits)?;
            config.table::<BTreeMap<String, Value>>(Table::Mirrors)?;
            Ok(())
        };
        if let Err(error) = read() {
            panic!("{}: {}", block.place, error.report());
        }
    }
}

#[test]
fn the_configuration_chapter_has_every_key() {
    let mut pages = pages().into_iter();
    let page = pages.find(|page| page.path == Path::new("docs/configuration.md"));
    let page = page.unwrap();
    let told: BTreeSet<String> = page
        .inline_code()
        .into_iter()
        .map(|(code, _)| code)
        .collect();
    for table in Table::ALL {
        assert!(
            page.anchors().contains(table.name()),
            "no heading for [{}]",
            table.name()
        );
        for key in table.keys().unwrap_or_default() {
            assert!(told.contains(*key), "docs/configuration.md lacks `{key}`");
        }
    }
}
