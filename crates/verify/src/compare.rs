//! Comparing two bundles, file by file and inside of files.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use cpio::newc::Reader;
use kindling_base::{Result, files};

use super::{bytes, image};

/// Members and paths of one file that are listed.
const LISTED: usize = 20;

/// One file of two bundles that is not the same in both.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Its name.
    pub file: String,
    /// The differences, one line each.
    pub details: Vec<String>,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.file, self.details.join("\n  "))
    }
}

/// Compares every file of two folders.
///
/// # Errors
/// One cannot be read.
pub fn compare(first: &Path, second: &Path) -> Result<Vec<Difference>> {
    let names = |folder: &Path| -> Result<BTreeSet<String>> {
        let paths = files::list(folder)?;
        let name = |path: &PathBuf| {
            path.file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned()
        };
        Ok(paths.iter().map(name).collect())
    };
    let (ours, theirs) = (names(first)?, names(second)?);
    let mut differences = Vec::new();
    for name in ours.union(&theirs) {
        let details = match (ours.contains(name), theirs.contains(name)) {
            (true, false) => vec!["only the first build has it".to_owned()],
            (false, true) => vec!["only the second build has it".to_owned()],
            _ => contents(name, &first.join(name), &second.join(name))?,
        };
        if !details.is_empty() {
            differences.push(Difference {
                file: name.clone(),
                details,
            });
        }
    }
    Ok(differences)
}

fn contents(name: &str, first: &Path, second: &Path) -> Result<Vec<String>> {
    let Some(found) = bytes::files(first, second)? else {
        return Ok(Vec::new());
    };
    let mut details = at(
        &format!("first difference at byte {}", found.offset),
        &found,
    );
    let inside = match name.rsplit('.').next() {
        Some("ext4") => image::differences(first, second)?,
        Some("cpio") => archive(&files::read(first)?, &files::read(second)?),
        _ => Vec::new(),
    };
    let more = inside.len().saturating_sub(LISTED);
    details.extend(inside.into_iter().take(LISTED));
    if more > 0 {
        details.push(format!("and {more} more"));
    }
    Ok(details)
}

/// A difference with both sides.
pub(super) fn at(what: &str, found: &bytes::Found) -> Vec<String> {
    let [first, second] = &found.sides;
    vec![
        what.to_owned(),
        format!("  first   {}", bytes::show(first)),
        format!("  second  {}", bytes::show(second)),
    ]
}

/// Members of two newc archives that differ. An archive that does not read has none.
fn archive(first: &[u8], second: &[u8]) -> Vec<String> {
    let (first, second) = (members(first), members(second));
    let names: BTreeSet<_> = first.keys().chain(second.keys()).collect();
    let mut details = Vec::new();
    for name in names {
        match (first.get(name), second.get(name)) {
            (Some(a), Some(b)) if a == b => {}
            (Some((head, a)), Some((other, b))) => {
                if head != other {
                    details.push(format!(
                        "{name}: {head} in the first, {other} in the second"
                    ));
                }
                if let Some(found) = bytes::slices(a, b) {
                    details.extend(at(
                        &format!("{name}: content differs at byte {}", found.offset),
                        &found,
                    ));
                }
            }
            (Some(_), None) => details.push(format!("{name}: only in the first")),
            (None, _) => details.push(format!("{name}: only in the second")),
        }
    }
    details
}

/// Each member's attributes and content.
fn members(mut archive: &[u8]) -> BTreeMap<String, (String, Vec<u8>)> {
    let mut found = BTreeMap::new();
    while let Ok(mut reader) = Reader::new(archive) {
        let entry = reader.entry();
        if entry.is_trailer() {
            break;
        }
        let name = entry.name().to_owned();
        let head = format!(
            "mode {:o}, owner {}:{}, time {}",
            entry.mode(),
            entry.uid(),
            entry.gid(),
            entry.mtime()
        );
        let mut content = Vec::new();
        if std::io::Read::read_to_end(&mut reader, &mut content).is_err() {
            break;
        }
        found.insert(name, (head, content));
        match reader.finish() {
            Ok(rest) => archive = rest,
            Err(_) => break,
        }
    }
    found
}
