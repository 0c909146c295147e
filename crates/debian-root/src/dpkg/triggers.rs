//! Triggers: which packages are interested in what, and what dpkg has to tell them.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::path::Path;

use kindling_base::{Result, files};
use kindling_deb::Control;

use super::append::append;
use crate::root::split;
use crate::unpack::Unpacked;

/// The paths in which installed packages are interested.
pub(super) fn file_interests(admin: &Path) -> Result<HashSet<Vec<u8>>> {
    let path = admin.join("triggers/File");
    if !path.exists() {
        return Ok(HashSet::new());
    }
    let text = files::read(&path)?;
    Ok(text
        .split(|&b| b == b'\n')
        .filter_map(|line| line.strip_prefix(b"/"))
        .filter_map(|line| Some(line[..line.iter().rposition(|&b| b == b' ')?].to_vec()))
        .collect())
}

/// Enters the triggers in which packages are interested: deb-triggers(5), and dpkg's doc/triggers.txt
/// for the files.
pub(super) fn add_interests<'a>(
    admin: &Path,
    packages: impl Iterator<Item = &'a Control>,
) -> Result<()> {
    let mut interests: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for control in packages {
        for line in control.lines("triggers") {
            let mut words = line.split_whitespace();
            let suffix = match words.next() {
                Some("interest" | "interest-await") => "",
                Some("interest-noawait") => "/noawait",
                _ => continue,
            };
            if let Some(trigger) = words.next() {
                let package = format!("{}{suffix}", control.instance());
                interests
                    .entry(trigger.to_owned())
                    .or_default()
                    .insert(package);
            }
        }
    }
    for (trigger, packages) in interests {
        for package in packages {
            if trigger.starts_with('/') {
                let line = format!("{trigger} {package}\n");
                append(&admin.join("triggers/File"), line.as_bytes())?;
            } else if !trigger.contains('/') {
                let line = format!("{package}\n");
                append(&admin.join("triggers").join(&trigger), line.as_bytes())?;
            }
        }
    }
    Ok(())
}

/// Activates the file triggers of installed packages, the way dpkg-trigger(1) does: in a list that the next
/// dpkg takes up. Packages of the same batch need no trigger, because they are configured after this.
pub(super) fn defer_triggers<'a>(
    admin: &Path,
    installed: &HashSet<Vec<u8>>,
    batch: impl Iterator<Item = &'a Unpacked>,
) -> Result<()> {
    let mut activated: BTreeSet<&[u8]> = BTreeSet::new();
    for path in batch.flat_map(|unpacked| &unpacked.list) {
        let mut rest = path.as_slice();
        while !rest.is_empty() {
            if let Some(interest) = installed.get(rest) {
                activated.insert(interest);
            }
            rest = split(rest).0;
        }
    }
    let mut lines = Vec::new();
    for path in activated {
        lines.extend_from_slice(&[b"/", path, b" -\n"].concat());
    }
    append(&admin.join("triggers/Unincorp"), &lines)
}
