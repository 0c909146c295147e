//! The files of a crate that can change what it computes.

use std::path::{Path, PathBuf};

use crate::Error;

/// Folders of a crate that its users never compile, and results of compiling.
const LEFT_OUT: [&str; 6] = [
    "tests",
    "benches",
    "examples",
    "target",
    "fuzz",
    "proptest-regressions",
];
/// A module of tests, by convention.
const TESTS: &str = "tests.rs";

/// Where files are read from.
pub trait Files {
    /// The bytes of a file.
    ///
    /// # Errors
    /// It cannot be read.
    fn read(&self, path: &Path) -> Result<Vec<u8>, Error>;
}

/// The files as they are.
#[derive(Clone, Copy, Debug)]
pub struct Disk;

impl Files for Disk {
    fn read(&self, path: &Path) -> Result<Vec<u8>, Error> {
        std::fs::read(path)
            .map_err(|error| Error(format!("cannot read {}: {error}", path.display())))
    }
}

/// The source files of the crate in `folder`, by their paths in it, sorted, without its manifest and lock.
pub(crate) fn list(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let mut found = Vec::new();
    for entry in entries(folder)? {
        collect(&entry, &mut found)?;
    }
    let mut names: Vec<PathBuf> = found
        .iter()
        .filter_map(|path| Some(path.strip_prefix(folder).ok()?.to_owned()))
        .collect();
    names.sort();
    Ok(names)
}

/// The paths that cargo has to watch to notice a changed source.
pub(crate) fn watched<'a>(folders: impl Iterator<Item = &'a PathBuf>) -> Vec<PathBuf> {
    let mut watched = Vec::new();
    for folder in folders {
        watched.push(folder.join("Cargo.toml"));
        watched.extend(entries(folder).unwrap_or_default());
        let locks = folder.ancestors().map(|above| above.join("Cargo.lock"));
        watched.extend(locks.filter(|lock| lock.is_file()).take(1));
    }
    watched.sort();
    watched.dedup();
    watched
}

/// The source files and folders directly in a crate's folder.
fn entries(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let listed = read_dir(folder)?;
    let is_source = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let hidden = name.starts_with('.');
        match path.is_dir() {
            true => !hidden && !LEFT_OUT.contains(&&*name) && !path.join("Cargo.toml").is_file(),
            false => !hidden && !name.ends_with(".md") && !name.starts_with("Cargo."),
        }
    };
    Ok(listed.into_iter().filter(is_source).collect())
}

fn collect(path: &Path, found: &mut Vec<PathBuf>) -> Result<(), Error> {
    let name = path.file_name().unwrap_or_default();
    if !path.is_dir() {
        if name != TESTS {
            found.push(path.to_owned());
        }
        return Ok(());
    }
    if LEFT_OUT.iter().any(|left_out| name == *left_out) {
        return Ok(());
    }
    read_dir(path)?
        .iter()
        .try_for_each(|path| collect(path, found))
}

fn read_dir(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let failed = |error| Error(format!("cannot list {}: {error}", folder.display()));
    let entries = std::fs::read_dir(folder).map_err(failed)?;
    entries
        .map(|entry| Ok(entry.map_err(failed)?.path()))
        .collect()
}
