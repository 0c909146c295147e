use std::collections::BTreeMap;

use kindling_base::{Exit, Result};
use proptest::prelude::*;
use serde::Deserialize;

use super::*;

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default)]
struct Limits {
    vms: Option<u64>,
}

fn read(text: &str) -> Result<Config> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, text).unwrap();
    Config::read(&path)
}

/// The report, with the file called `config.toml`.
fn refused(read: Result<Config>) -> String {
    let error = read.err().unwrap();
    assert_eq!(error.exit(), Exit::User);
    let report = error.report();
    let path = report.find("/config.toml").unwrap();
    let folder = report[..path].rfind(' ').unwrap() + 1;
    report.replace(&report[folder..=path], "")
}

#[test]
fn each_owner_gets_its_table() {
    let config = read("[limits]\nvms = 3\n[mirrors]\ndebian = \"x\"\n").unwrap();
    assert_eq!(config.table::<Limits>(Table::Limits).unwrap().vms, Some(3));
    let mirrors: BTreeMap<String, String> = config.table(Table::Mirrors).unwrap();
    assert_eq!(mirrors["debian"], "x");
    let network: BTreeMap<String, String> = config.table(Table::Network).unwrap();
    assert!(network.is_empty());
}

#[test]
fn a_file_that_is_not_there_is_empty() {
    let config = Config::read(Path::new("/nonexistent/config.toml")).unwrap();
    assert_eq!(
        config.table::<Limits>(Table::Limits).unwrap(),
        Limits::default()
    );
}

#[test]
fn a_misspelt_table_is_a_mistake_with_its_place() {
    assert_eq!(
        refused(read("[limits]\nvms = 3\n[netwrok]\nbridge = \"br7\"\n")),
        "error: config.toml:3:2: unknown table `netwrok`\n  3 | [netwrok]\n    |  ^^^^^^^\n\
         hint: did you mean `network`?"
    );
}

#[test]
fn every_unknown_key_is_told_at_once() {
    assert_eq!(
        refused(read("limits = 3\n[network]\nbrigde = \"br7\"\nzzz = 1\n")),
        "error: 3 mistakes in config.toml\n  \
         config.toml:1:1: `limits` is a table\n  1 | limits = 3\n    | ^^^^^^\n  hint: write it as a table: [limits]\n  \
         config.toml:3:1: unknown key `brigde` in [network]\n  3 | brigde = \"br7\"\n    | ^^^^^^\n  hint: did you mean `bridge`?\n  \
         config.toml:4:1: unknown key `zzz` in [network]\n  4 | zzz = 1\n    | ^^^\n  \
         hint: the keys here are: bridge, address, dns, isolate, nat, egress"
    );
}

#[test]
fn a_wrong_value_and_wrong_syntax_are_pointed_at() {
    let config = read("[limits]\nvms = \"three\"\n").unwrap();
    let report = config.table::<Limits>(Table::Limits).unwrap_err().report();
    assert!(report.contains("config.toml:2:7: "), "{report}");
    assert!(
        report.contains("2 | vms = \"three\"\n    |       ^^^^^^^"),
        "{report}"
    );
    let report = refused(read("[limits\n"));
    assert!(report.contains("config.toml:1:8: "), "{report}");
    assert!(report.contains("hint: mend the TOML syntax"), "{report}");
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(\\[(limits|network|x)\\]\n|[a-z]{1,4} = (1|\"é\")\n|[ -~]{0,8}\n){0,6}") {
        if let Err(error) = read(&text) {
            prop_assert!(error.report().starts_with("error: "));
        }
    }
}
