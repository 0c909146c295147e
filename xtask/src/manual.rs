//! Tests that the pages for people are true of `cargo xtask`, of recipes and of lint rules.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use clap::CommandFactory;
use kindling_manual::{
    Block, Page, check_command_lines, compare_reference, pages, reference, root,
};
use kindling_recipe as recipe;

use crate::cli::Cli;

const INTRODUCTION: &str = "\
`cargo xtask` builds, checks and compares images. Run it anywhere in the checkout. This page is the text of `--help`,
command by command; a test keeps the two equal. To run images, see [cargo kindling](commands-kindling.md).";

#[test]
fn the_command_reference_is_the_help() {
    let text = reference(Cli::command(), INTRODUCTION);
    compare_reference("docs/commands-xtask.md", &text);
}

#[test]
fn every_command_line_of_a_page_parses() {
    check_command_lines::<Cli>("xtask");
}

#[test]
fn every_block_of_toml_says_what_it_is() {
    for block in blocks() {
        let kinds = ["recipe", "config", "overlay", "lock"];
        assert!(
            kinds.contains(&&*block.kind),
            "{}: write ```toml and one of {kinds:?}",
            block.place
        );
    }
}

#[test]
fn every_recipe_of_a_page_loads() {
    let folder = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(root().join("recipes")).unwrap() {
        let path = entry.unwrap().path();
        if path.is_file() {
            fs::copy(&path, folder.path().join(path.file_name().unwrap())).unwrap();
        }
    }
    let recipes: Vec<Block> = blocks().filter(|block| block.kind == "recipe").collect();
    assert!(recipes.len() > 10, "the search finds recipes");
    for block in recipes {
        let path = folder.path().join("example.toml");
        let is_whole = block.text.contains("extends = ");
        let text = match is_whole {
            true => block.text.clone(),
            false => format!("extends = \"minimal-debian-12\"\n{}", block.text),
        };
        fs::write(&path, text).unwrap();
        if let Err(error) = recipe::load(&path) {
            panic!("{}: {}", block.place, error.report());
        }
    }
}

#[test]
fn the_recipe_reference_has_every_table_and_every_key() {
    let page = page("docs/recipes.md");
    let text: BTreeSet<String> = page
        .inline_code()
        .into_iter()
        .map(|(code, _)| code)
        .collect();
    let known = known_keys();
    for expected in [
        "rootfs",
        "free_mib",
        "fragments",
        "sha256",
        "groups",
        "waive",
        "keyring",
    ] {
        assert!(
            known.contains(expected),
            "the parser tells its keys: {known:?}"
        );
    }
    let headings: String = page
        .anchors()
        .into_iter()
        .map(|name| format!("{name}\n"))
        .collect();
    for key in known {
        let is_heading = headings.lines().any(|line| line == key);
        assert!(
            is_heading || text.contains(&key),
            "docs/recipes.md lacks `{key}`"
        );
    }
}

/// Every key that a recipe may have: the parser lists them where it meets one that resembles none.
fn known_keys() -> BTreeSet<String> {
    const WRONG: &str = "qqqqqqqqqqqqqqqqqqqq = 1";
    let tables = [
        "image",
        "kernel",
        "initramfs",
        "rootfs",
        "npm",
        "vm",
        "ready",
        "lint",
    ];
    let lists = [
        "rootfs.archives",
        "rootfs.exclude",
        "rootfs.users",
        "lint.waive",
    ];
    let mut text = "extends = \"minimal-debian-12\"\n[qqqqqqqqqqqqqqqqqqqq]\n".to_owned();
    for table in tables {
        text.push_str(&format!("[{table}]\n{WRONG}\n"));
    }
    for list in lists {
        text.push_str(&format!("[[{list}]]\n{WRONG}\n"));
    }
    let folder = tempfile::tempdir().unwrap();
    let parent = root().join("recipes/minimal-debian-12.toml");
    fs::copy(parent, folder.path().join("minimal-debian-12.toml")).unwrap();
    let path = folder.path().join("example.toml");
    fs::write(&path, text).unwrap();
    let report = recipe::load(&path).unwrap_err().report();
    let lists = report
        .lines()
        .filter_map(|line| line.split_once(" here are: "));
    let keys = lists.flat_map(|(_, keys)| keys.split(", ").map(str::to_owned));
    keys.chain(["extends".to_owned()]).collect()
}

#[test]
fn the_lint_chapter_has_every_rule() {
    let page = page("docs/lint.md");
    let told: BTreeSet<String> = page
        .inline_code()
        .into_iter()
        .map(|(code, _)| code)
        .collect();
    for rule in kindling_lint::RULES {
        assert!(
            told.contains(rule.name),
            "docs/lint.md lacks `{}`",
            rule.name
        );
    }
}

fn blocks() -> impl Iterator<Item = Block> {
    let blocks = pages().into_iter().flat_map(|page| page.blocks());
    blocks.filter(|block| block.language == "toml")
}

fn page(path: &str) -> Page {
    let mut pages = pages().into_iter();
    pages.find(|page| page.path == Path::new(path)).unwrap()
}
