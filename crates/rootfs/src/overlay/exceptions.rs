//! `overlay.toml`: modes and owners that differ from the rule.

use std::collections::BTreeMap;
use std::path::Path;

use kindling_base::{Error, Result, did_you_mean, files};
use serde::Deserialize;

use super::OverlayEntry;

/// Name of the file in an overlay's folder.
pub(super) const FILE: &str = "overlay.toml";

/// The exceptions of one overlay that no entry has taken yet.
#[derive(Debug, Default)]
pub(super) struct Exceptions {
    modes: BTreeMap<String, u32>,
    owners: BTreeMap<String, (u32, u32)>,
    diverted: BTreeMap<String, String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    #[serde(default)]
    modes: BTreeMap<String, String>,
    #[serde(default)]
    owners: BTreeMap<String, String>,
    #[serde(default)]
    diverted: BTreeMap<String, String>,
}

impl Exceptions {
    /// Those of an overlay's folder; none where it has no such file.
    pub(super) fn read(root: &Path) -> Result<Self> {
        let path = root.join(FILE);
        if !path.exists() {
            return Ok(Self::default());
        }
        let written: Written = toml::from_str(&files::read_text(&path)?).map_err(|error| {
            Error::user(format!("{} is wrong", path.display()))
                .note(error.to_string().trim_end().to_owned())
                .hint("it has three tables: [modes] \"PATH\" = \"0600\", [owners] \"PATH\" = \"UID:GID\" and [diverted] \"PATH\" = \"PATH\"")
        })?;
        let wrong = |key: &str, value: &str, hint: &str| {
            Error::user(format!(
                "{}: \"{key}\" = \"{value}\" is wrong",
                path.display()
            ))
            .hint(hint)
        };
        let mut exceptions = Self::default();
        for (key, value) in written.modes {
            let mode = u32::from_str_radix(&value, 8)
                .ok()
                .filter(|mode| *mode <= 0o7777)
                .ok_or_else(|| {
                    wrong(
                        &key,
                        &value,
                        "a mode has three or four octal digits, such as \"0600\"",
                    )
                })?;
            exceptions.modes.insert(key, mode);
        }
        for (key, value) in written.owners {
            let owner = value
                .split_once(':')
                .and_then(|(uid, gid)| Some((uid.parse().ok()?, gid.parse().ok()?)))
                .ok_or_else(|| {
                    wrong(&key, &value, "an owner is two numbers, such as \"101:102\"")
                })?;
            exceptions.owners.insert(key, owner);
        }
        exceptions.diverted = written.diverted;
        Ok(exceptions)
    }

    /// Gives an entry what is said about it.
    pub(super) fn apply(&mut self, entry: &mut OverlayEntry) {
        let Ok(path) = std::str::from_utf8(&entry.path) else {
            return;
        };
        if let Some(mode) = self.modes.remove(path) {
            entry.mode = mode;
            entry.listed = true;
        }
        if let Some((uid, gid)) = self.owners.remove(path) {
            (entry.uid, entry.gid) = (uid, gid);
            entry.listed = true;
        }
        if let Some(to) = self.diverted.remove(path) {
            entry.diverted = Some(to.into_bytes());
        }
    }

    /// Refuses an exception for a path that the overlay does not have.
    pub(super) fn must_be_used(&self, root: &Path, entries: &[OverlayEntry]) -> Result<()> {
        let Some(path) = self
            .modes
            .keys()
            .chain(self.owners.keys())
            .chain(self.diverted.keys())
            .next()
        else {
            return Ok(());
        };
        let known = entries
            .iter()
            .filter_map(|entry| std::str::from_utf8(&entry.path).ok());
        let error = Error::user(format!(
            "{}: the overlay has no `{path}`",
            root.join(FILE).display()
        ));
        Err(error.hint(
            did_you_mean(path, known).unwrap_or_else(|| {
                "write paths without a leading slash and without `.j2`".to_owned()
            }),
        ))
    }
}
