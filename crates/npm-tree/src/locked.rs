//! Packages as a lock pins them.

use serde::{Deserialize, Serialize};

use crate::name::is_name;

/// The folder above `node_modules`. No .deb has files below `/usr/local` (Debian Policy 9.1.2), and Debian's npm has its
/// prefix there, so that a guest's `npm ls --global` shows these packages.
pub const LIBRARY: &str = "usr/local/lib";

/// One package of a lock: where it goes and what it is, never an address.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LockedNpm {
    /// Its folder, as npm's own lock has it: `node_modules/a/node_modules/b`.
    pub path: String,
    /// Its name in the registry; the folder of an alias is called otherwise.
    pub name: String,
    /// Its version.
    pub version: String,
    /// Hash of its tarball: `sha512-BASE64`.
    pub integrity: String,
    /// Path of the tarball below the registry, where that is not the usual one.
    #[serde(default)]
    pub tarball: Option<String>,
    /// Versions of Node.js that it says it runs on.
    #[serde(default)]
    pub node: Option<String>,
}

impl LockedNpm {
    /// Path of the tarball below the registry: `@scope/name/-/name-1.2.3.tgz` unless the lock says otherwise.
    pub fn tarball_path(&self) -> String {
        let usual = || usual_tarball(&self.name, &self.version);
        self.tarball.clone().unwrap_or_else(usual)
    }

    /// Whether it was asked for by name; others came as its dependencies.
    pub fn is_requested(&self) -> bool {
        self.path.matches("node_modules/").count() == 1
    }

    /// The path as a person reads it: `a > b`.
    pub fn shown(&self) -> String {
        let path = self.path.strip_prefix("node_modules/");
        path.unwrap_or(&self.path).replace("/node_modules/", " > ")
    }

    /// Whether the path is one that resolution makes: names in folders `node_modules`. What a person edited into a lock
    /// must not lead elsewhere.
    pub fn has_plain_path(&self) -> bool {
        let rest = self.path.strip_prefix("node_modules/");
        rest.is_some_and(|rest| rest.split("/node_modules/").all(is_name))
    }
}

/// The path at which registries keep a tarball by custom.
pub fn usual_tarball(name: &str, version: &str) -> String {
    let base = name.rsplit('/').next().unwrap_or(name);
    format!("{name}/-/{base}-{version}.tgz")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_tell_what_was_asked_for_and_lead_nowhere_else() {
        let package = |path: &str| LockedNpm {
            path: path.into(),
            name: "@a/b".into(),
            version: "1.0.0".into(),
            integrity: String::new(),
            tarball: None,
            node: None,
        };
        let nested = package("node_modules/@a/b/node_modules/c");
        assert_eq!(nested.tarball_path(), "@a/b/-/b-1.0.0.tgz");
        assert_eq!(nested.shown(), "@a/b > c");
        assert!(nested.has_plain_path() && !nested.is_requested());
        assert!(package("node_modules/@a/b").is_requested());
        for path in [
            "",
            "a",
            "node_modules/",
            "node_modules/../a",
            "node_modules/a/../b",
        ] {
            assert!(!package(path).has_plain_path(), "{path}");
        }
    }
}
