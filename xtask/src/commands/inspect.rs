//! `cargo xtask inspect`.

use std::path::{Path, PathBuf};

use kindling_base::{Context, Error, Result};
use kindling_bundle::Manifest;
use kindling_image::project::Project;
use kindling_inspect::{Changes, File, Inspection, changes, files, inspect};
use serde::Serialize;

use crate::cli::{Global, Inspect};
use crate::render::{Renderer, size};

/// Rows of a table that are shown unless all are asked for.
const SHOWN: usize = 15;

pub(crate) fn run(args: &Inspect, global: &Global, renderer: &dyn Renderer) -> Result<()> {
    let (folder, manifest) = bundle(&args.bundle)?;
    let limit = if args.all { usize::MAX } else { SHOWN };
    if args.files {
        let found = files(&folder, &manifest)?;
        return print(&found, global, renderer, || found.iter().map(row).collect());
    }
    let Some(other) = &args.other else {
        let found = inspect(&folder, &manifest)?;
        return print(&found, global, renderer, || describe(&found, limit));
    };
    let (other, second) = bundle(other)?;
    let found = changes((&folder, &manifest), (&other, &second))?;
    print(&found, global, renderer, || describe_changes(&found, limit))
}

/// The bundle that a recipe's name or a folder means.
fn bundle(name: &str) -> Result<(PathBuf, Manifest)> {
    let folder = match Path::new(name).is_dir() {
        true => PathBuf::from(name),
        false => {
            let here = std::env::current_dir().context("cannot find the current folder")?;
            Project::find(&here)?.out().join(name)
        }
    };
    let manifest = kindling_bundle::load(&folder)?;
    Ok((folder, manifest))
}

fn print(
    found: &impl Serialize,
    global: &Global,
    renderer: &dyn Renderer,
    text: impl FnOnce() -> Vec<String>,
) -> Result<()> {
    if global.json {
        let json = serde_json::to_string(found);
        renderer.data(&json.map_err(|error| Error::internal("cannot write JSON").because(error))?);
        return Ok(());
    }
    renderer.data(&text().join("\n"));
    Ok(())
}

/// A path as `ls -l` shows it, and the package that has it.
fn row(file: &File) -> String {
    let kind = match file.kind {
        "file" => '-',
        other => other.chars().next().unwrap_or('?'), // directory, symlink, FIFO ...
    };
    let (uid, gid) = file.owner;
    let target = file.target.as_ref();
    let target = target.map_or_else(String::new, |target| format!(" -> {target}"));
    let package = file.package.as_deref().unwrap_or("of no package");
    let (mode, size, path) = (file.mode, file.size, &file.path);
    format!("{kind}{mode:04o} {uid:>5}:{gid:<5} {size:>10}  {path}{target}  {package}")
}

fn describe(found: &Inspection, limit: usize) -> Vec<String> {
    let mut lines = vec![format!(
        "{}: {} files of {}, {} packages, an image of {}",
        found.name,
        found.files,
        size(found.bytes),
        found.packages.len(),
        size(found.image_bytes)
    )];
    lines.push(String::new());
    let packages = found.packages.iter();
    let rows = packages.map(|one| format!("{:>10}  {} {}", size(one.bytes), one.name, one.version));
    section(&mut lines, rows, limit, "packages");
    lines.push(format!("{:>10}  of no package", size(found.unowned_bytes)));
    lines.push(String::new());
    lines.push(format!(
        "{} programs run with rights of their own:",
        found.privileged.len()
    ));
    let rows = found.privileged.iter().map(|one| {
        let (uid, gid) = one.owner;
        let package = one.package.as_deref().unwrap_or("of no package");
        format!("  {:04o} {uid}:{gid}  {}  {package}", one.mode, one.path)
    });
    section(&mut lines, rows, limit, "programs");
    lines.push(String::new());
    lines.push(format!("{} units listen:", found.listeners.len()));
    let rows = found.listeners.iter().map(|one| {
        let state = if one.enabled { "enabled" } else { "on demand" };
        format!("  {}  {}  {state}", one.unit, one.listens.join(", "))
    });
    section(&mut lines, rows, limit, "units");
    lines
}

fn describe_changes(found: &Changes, limit: usize) -> Vec<String> {
    if *found == Changes::default() {
        return vec!["nothing changed".to_owned()];
    }
    let mut lines = vec![format!("{} packages changed:", found.packages.len())];
    let version = |version: &Option<String>| version.clone().unwrap_or_else(|| "-".to_owned());
    let rows = found.packages.iter();
    let rows = rows.map(|(name, before, after)| {
        format!("  {name}  {} -> {}", version(before), version(after))
    });
    section(&mut lines, rows, limit, "packages");
    lines.push(String::new());
    lines.push(format!("{} paths changed:", found.paths.len()));
    let rows = found.paths.iter().map(|one| {
        let package = one.package.as_deref().unwrap_or("of no package");
        format!("  {}  {}  {package}", one.path, one.what)
    });
    section(&mut lines, rows, limit, "paths");
    lines
}

/// The first rows, and how many there are more.
fn section(
    lines: &mut Vec<String>,
    rows: impl ExactSizeIterator<Item = String>,
    limit: usize,
    what: &str,
) {
    let more = rows.len().saturating_sub(limit);
    lines.extend(rows.take(limit));
    if more > 0 {
        lines.push(format!("  and {more} {what} more: --all shows them"));
    }
}
