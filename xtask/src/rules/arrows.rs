//! A crate depends on those crates of ours that ARCHITECTURE.md allows it, and the page allows no more than is used.
//!
//! Dependencies of tests are free: a test may use what judges its subject.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use kindling_base::{Command, Error, Result, files};
use serde::Deserialize;

use crate::commands::{WORKSPACES, cargo};

/// Head of the table that has a row for each crate.
const HEAD: &str = "| crate | may depend on |";

/// The crates of ours that each crate depends on. Names are without `kindling-`.
type Arrows = BTreeMap<String, BTreeSet<String>>;

/// One finding for each arrow that the page and the manifests do not both have.
///
/// # Errors
/// The page has no such table, or a manifest cannot be read.
pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let page = files::read_text(&root.join("ARCHITECTURE.md"))?;
    Ok(compare(&allowed(&page)?, &used(root)?))
}

fn compare(allowed: &Arrows, used: &Arrows) -> Vec<String> {
    let mut findings = Vec::new();
    for (name, to) in used {
        let Some(may) = allowed.get(name) else {
            findings.push(format!("ARCHITECTURE.md has no row for the crate `{name}`"));
            continue;
        };
        let too_far = to.difference(may);
        findings.extend(too_far.map(|to| {
            format!("`{name}` depends on `{to}`, which ARCHITECTURE.md does not allow it")
        }));
        let unused = may.difference(to);
        findings.extend(unused.map(|to| {
            format!("ARCHITECTURE.md allows `{name}` to depend on `{to}`, which it does not")
        }));
    }
    let gone = allowed.keys().filter(|name| !used.contains_key(*name));
    findings.extend(
        gone.map(|name| format!("ARCHITECTURE.md has a row for `{name}`, which is no crate")),
    );
    findings
}

/// Reads the table of the page.
fn allowed(page: &str) -> Result<Arrows> {
    let (_, table) = page.split_once(HEAD).ok_or_else(|| {
        Error::user(format!("ARCHITECTURE.md has no table `{HEAD}`"))
            .hint("the table says for each crate which others it may depend on")
    })?;
    let rows = table
        .lines()
        .skip(2)
        .take_while(|line| line.starts_with('|'));
    let names = |cell: &str| -> Vec<String> {
        let parts = cell.split('`').skip(1).step_by(2);
        parts.map(str::to_owned).collect()
    };
    let mut arrows = Arrows::new();
    for row in rows {
        let cells: Vec<&str> = row.split('|').collect();
        if let [_, crates, to, ..] = cells[..] {
            for name in names(crates) {
                arrows.insert(name, names(to).into_iter().collect());
            }
        }
    }
    Ok(arrows)
}

/// The part of `cargo metadata` that is looked at.
#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
}

#[derive(Deserialize)]
struct Package {
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    /// `dev`, `build`, or nothing for an ordinary one.
    kind: Option<String>,
    /// Where it is, for a crate of ours.
    path: Option<String>,
}

/// Asks cargo for the dependencies of every crate of the checkout.
fn used(root: &Path) -> Result<Arrows> {
    let mut arrows = Arrows::new();
    for manifest in WORKSPACES {
        let command = Command::new(cargo::program())
            .args(["metadata", "--no-deps", "--format-version=1", "--offline"])
            .args(["--manifest-path", manifest])
            .directory(root);
        let output = cargo::pass_environment(command).run()?;
        let metadata: Metadata = serde_json::from_slice(&output.stdout).map_err(|error| {
            Error::internal("cannot read what `cargo metadata` says").because(error)
        })?;
        for package in metadata.packages {
            let ours = package.dependencies.iter().filter(|dependency| {
                dependency.path.is_some() && dependency.kind.as_deref() != Some("dev")
            });
            let to = ours.map(|dependency| short(&dependency.name)).collect();
            arrows.insert(short(&package.name), to);
        }
    }
    Ok(arrows)
}

fn short(name: &str) -> String {
    name.trim_start_matches("kindling-").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "text\n\n| crate | may depend on |\n|---|---|\n| `base` | |\n| `tree`, `store` | `base` |\n\
                        | `image` | `base`, `tree` |\n\n| `other` | `table` |\n";

    fn arrows(list: &[(&str, &[&str])]) -> Arrows {
        let rows = list.iter().map(|(name, to)| {
            let to = to.iter().map(|to| (*to).to_owned()).collect();
            ((*name).to_owned(), to)
        });
        rows.collect()
    }

    #[test]
    fn the_table_of_the_page_is_read() {
        let expected = arrows(&[
            ("base", &[]),
            ("tree", &["base"]),
            ("store", &["base"]),
            ("image", &["base", "tree"]),
        ]);
        assert_eq!(allowed(PAGE).unwrap(), expected);
        assert!(allowed("no table").is_err());
    }

    #[test]
    fn an_arrow_too_many_or_too_few_and_a_crate_too_many_or_too_few_are_found() {
        let used = arrows(&[
            ("base", &["tree"]),
            ("tree", &["base"]),
            ("image", &["tree"]),
            ("new", &[]),
        ]);
        let found = compare(&allowed(PAGE).unwrap(), &used);
        insta::assert_snapshot!(found.join("\n"), @r"
        `base` depends on `tree`, which ARCHITECTURE.md does not allow it
        ARCHITECTURE.md allows `image` to depend on `base`, which it does not
        ARCHITECTURE.md has no row for the crate `new`
        ARCHITECTURE.md has a row for `store`, which is no crate
        ");
    }
}
