//! The Rust files of the checkout.

use std::path::{Path, PathBuf};

use kindling_base::{Result, files};

/// Folders of the checkout that have Rust code.
const FOLDERS: [&str; 6] = ["crates", "fuzz", "initramfs", "launcher", "tests", "xtask"];

/// The line before a module of unit tests, which is the last item of its file.
const UNIT_TESTS: &str = "#[cfg(test)]\nmod tests {";

/// A Rust file.
#[derive(Debug)]
pub(super) struct Source {
    /// Path below the root of the checkout.
    pub(super) path: PathBuf,
    pub(super) text: String,
}

impl Source {
    /// The text before the unit tests, and the unit tests. A file of a folder `tests` is all tests.
    pub(super) fn parts(&self) -> (&str, &str) {
        let all_tests = self.path.file_stem().is_some_and(|stem| stem == "tests")
            || self.path.iter().any(|part| part == "tests");
        let at = match self.text.find(UNIT_TESTS) {
            _ if all_tests => 0,
            Some(at) => at,
            None => self.text.len(),
        };
        self.text.split_at(at)
    }
}

/// All Rust files below the root, sorted by path.
///
/// # Errors
/// One cannot be read.
pub(super) fn files(root: &Path) -> Result<Vec<Source>> {
    let mut found = Vec::new();
    for folder in FOLDERS {
        collect(root, &root.join(folder), &mut found)?;
    }
    Ok(found)
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<Source>) -> Result<()> {
    for path in files::list(folder)? {
        let below = path.strip_prefix(root).unwrap_or(&path);
        if path.is_dir() && !below.ends_with("target") {
            collect(root, &path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(Source {
                path: below.to_owned(),
                text: files::read_text(&path)?,
            });
        }
    }
    Ok(())
}
