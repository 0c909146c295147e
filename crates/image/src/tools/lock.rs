//! `tools/NAME.lock`: the packages of a list of tools, pinned, one line each.

use std::path::Path;

use kindling_base::hash::{self, Hasher};
use kindling_base::{Result, files};
use kindling_deb::{LockedPackage, LockedSuite};
use kindling_recipe::{Located, ToolsSpec};
use serde::Deserialize;

use crate::lock::{VERSION, parse, render_suites_and_packages};

/// The contents of a lock of tools.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct ToolsLock {
    /// Format version.
    pub version: u32,
    /// Hash of the part of the list that decides the resolution.
    pub request: String,
    /// Where each suite stood when the packages were chosen.
    pub suites: Vec<LockedSuite>,
    /// Every package, sorted by name.
    pub packages: Vec<LockedPackage>,
}

impl ToolsLock {
    /// A fresh lock.
    pub(super) fn new(
        spec: &ToolsSpec,
        suites: Vec<LockedSuite>,
        packages: Vec<LockedPackage>,
    ) -> Self {
        Self {
            version: VERSION,
            request: request(spec),
            suites,
            packages,
        }
    }

    /// Reads a lock; `None` where there is none.
    ///
    /// # Errors
    /// It cannot be read or parsed, or is of another format.
    pub(super) fn read(path: &Path) -> Result<Option<Self>> {
        parse(path, |lock: &Self| lock.version)
    }

    /// Writes the lock, all of it or nothing.
    ///
    /// # Errors
    /// The folder cannot be written.
    pub(super) fn write(&self, path: &Path) -> Result<()> {
        files::write_atomic(path, self.render().as_bytes(), 0o644)
    }

    /// SHA-256 of the lock as it is written.
    pub fn sha256(&self) -> String {
        hash::bytes(self.render().as_bytes())
    }

    fn render(&self) -> String {
        let mut text = String::from(
            "# Every package of the tools beside this file, pinned. Written by `cargo xtask lock --tools`; commit it.\n",
        );
        render_suites_and_packages(&mut text, &self.request, &self.suites, &self.packages);
        text.push_str("]\n");
        text
    }
}

/// Hash of what decides the resolution.
pub(super) fn request(spec: &ToolsSpec) -> String {
    let mut hasher = Hasher::new();
    let join = |list: &[Located<String>]| {
        let values: Vec<&str> = list.iter().map(|item| item.value.as_str()).collect();
        values.join("\n")
    };
    hasher
        .field(&spec.distribution.value)
        .field(join(&spec.suites))
        .field(join(&spec.components))
        .field(join(&spec.packages));
    hasher.finish()
}
