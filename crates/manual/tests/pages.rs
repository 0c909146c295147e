//! Tests that the pages for people point at things that exist: files, headings, chapters, variables, recipes, fragments.

#![expect(clippy::unwrap_used, reason = "what fails here is a test that fails")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};

use kindling_manual::{Page, pages, root};

#[test]
fn every_relative_link_and_anchor_resolves() {
    let pages = pages();
    let mut broken = Vec::new();
    for page in &pages {
        for link in page.links() {
            if let Err(reason) = check(page, &link.target, &pages) {
                broken.push(format!("{}: {}: {reason}", link.place, link.target));
            }
        }
    }
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

fn check(page: &Page, target: &str, pages: &[Page]) -> Result<(), String> {
    if target.contains("://") {
        return Ok(()); // a page of another project
    }
    let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
    let folder = page.path.parent().unwrap_or(Path::new(""));
    let path = match file {
        "" => page.path.clone(),
        _ => normal(&folder.join(file)),
    };
    if !root().join(&path).exists() {
        return Err("there is no such file".to_owned());
    }
    if page.path.starts_with("docs") && !path.starts_with("docs") {
        return Err("the book has only what is in docs/".to_owned());
    }
    if anchor.is_empty() {
        return Ok(());
    }
    let aim = pages.iter().find(|page| page.path == path);
    let aim = aim.ok_or("only pages in Markdown have anchors")?;
    let anchors = aim.anchors();
    if anchors.contains(anchor) {
        return Ok(());
    }
    let known: Vec<String> = anchors.into_iter().collect();
    Err(format!("its anchors are {}", known.join(", ")))
}

/// Without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                normal.pop();
            }
            Component::CurDir => {}
            part => normal.push(part),
        }
    }
    normal
}

#[test]
fn the_summary_has_every_chapter_once() {
    let pages = pages();
    let summary = Path::new("docs/SUMMARY.md");
    let listed: Vec<String> = {
        let page = pages.iter().find(|page| page.path == summary).unwrap();
        let links = page.links().into_iter();
        links.map(|link| format!("docs/{}", link.target)).collect()
    };
    let once: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(once.len(), listed.len(), "a chapter is listed twice");
    let chapters = pages.iter().filter(|page| page.path.starts_with("docs"));
    let chapters: BTreeSet<String> = chapters
        .filter(|page| page.path != summary)
        .map(|page| page.path.display().to_string())
        .collect();
    assert_eq!(once, chapters);
}

#[test]
fn every_environment_variable_is_in_the_table_and_is_read() {
    let page = page("docs/environment.md");
    let told: BTreeSet<String> = page
        .inline_code()
        .into_iter()
        .filter(|(code, _)| code.starts_with("KINDLING_"))
        .map(|(code, _)| code.split('=').next().unwrap_or_default().to_owned())
        .collect();
    let mut read = BTreeSet::new();
    for file in sources() {
        variables(&fs::read_to_string(file).unwrap(), &mut read);
    }
    assert!(read.len() > 10, "the search finds what is read: {read:?}");
    let told_of = |name: &String| {
        let is = |told: &String| told == name || told.starts_with(name) && name.ends_with('_');
        told.iter().any(is)
    };
    let untold: Vec<&String> = read.iter().filter(|name| !told_of(name)).collect();
    assert!(untold.is_empty(), "docs/environment.md lacks {untold:?}");
    let is_read = |told: &&String| {
        let is = |name: &String| name == *told || name.ends_with('_') && told.starts_with(name);
        !read.iter().any(is)
    };
    let unread: Vec<&String> = told.iter().filter(is_read).collect();
    assert!(unread.is_empty(), "no program reads {unread:?}");
}

/// String literals that begin with `KINDLING_`, but for those of `env!`, which are read when Kindling is compiled.
fn variables(text: &str, found: &mut BTreeSet<String>) {
    for (at, _) in text.match_indices("\"KINDLING_") {
        let name = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        let rest = &text[at + 1..];
        let end = rest.find(|c| !name(c)).unwrap_or(rest.len());
        if !text[..at].ends_with("env!(") {
            found.insert(rest[..end].to_owned());
        }
    }
}

/// Rust sources of the programs and of the tests' helpers; test cases set variables of their own.
fn sources() -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = ["crates", "kindling", "launcher", "xtask"]
        .map(|name| root().join(name))
        .to_vec();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            let is_ours = path.starts_with(root().join("crates/manual"));
            if path.is_dir() && !["tests", "target"].contains(&&*name) && !is_ours {
                folders.push(path);
            } else if name.ends_with(".rs") && !name.contains("test") {
                found.push(path);
            }
        }
    }
    found
}

#[test]
fn every_recipe_and_every_fragment_is_told_of() {
    let text: String = pages()
        .iter()
        .filter(|page| page.path.starts_with("docs"))
        .flat_map(Page::inline_code)
        .map(|(code, _)| format!("{code}\n"))
        .collect();
    for (folder, ending) in [("recipes", "toml"), ("kernel-config", "config")] {
        for entry in fs::read_dir(root().join(folder)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            let is_told = text.lines().any(|line| line == name);
            let matters = path.extension().is_some_and(|found| found == ending);
            assert!(is_told || !matters, "no chapter has `{name}` of {folder}/");
        }
    }
}

fn page(path: &str) -> Page {
    let mut pages = pages().into_iter();
    pages.find(|page| page.path == Path::new(path)).unwrap()
}
