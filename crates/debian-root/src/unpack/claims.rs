//! The owners of files, and the rule for a file that two packages want.

use std::collections::HashMap;
use std::os::unix::ffi::OsStrExt;
use std::sync::{Mutex, PoisonError};

use kindling_base::{Context, Error, Result};

use crate::root::Root;
use kindling_deb::Control;
use kindling_deb::relation;

/// The outcome for a package that wants a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// It puts the file there.
    Place,
    /// It leaves the file to the package that replaces it.
    Leave,
    /// It replaces the file of another package, which may be at work: it puts its own there afterwards.
    Replace,
}

/// The owners of all files but directories. Shared between threads; the outcome does not depend on who comes first.
pub(crate) struct Claims<'a> {
    packages: &'a [Control],
    /// Top-level names that are links into `/usr`, so that `/bin/sh` and `/usr/bin/sh` are one file.
    aliases: Vec<Vec<u8>>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    owners: HashMap<Vec<u8>, usize>,
    /// Packages that lost a path they had, or would have had.
    lost: Vec<(usize, Vec<u8>)>,
}

impl<'a> Claims<'a> {
    /// No claims yet, on a root whose links into `/usr` are in place.
    ///
    /// # Errors
    /// The root cannot be read.
    pub(crate) fn new(packages: &'a [Control], root: &Root) -> Result<Self> {
        let what = || format!("cannot read the folder {}", root.path().display());
        let mut aliases = Vec::new();
        for entry in std::fs::read_dir(root.path()).context(what())? {
            let entry = entry.context(what())?;
            let name = entry.file_name();
            if let Ok(target) = std::fs::read_link(entry.path())
                && target.as_os_str().as_bytes() == [b"usr/", name.as_bytes()].concat()
            {
                aliases.push(name.as_bytes().to_vec());
            }
        }
        Ok(Self {
            packages,
            aliases,
            state: Mutex::default(),
        })
    }

    /// The path under which a file is known, whichever of its names a package uses.
    pub(crate) fn canonical(&self, path: &[u8]) -> Vec<u8> {
        let top = path.split(|&b| b == b'/').next().unwrap_or_default();
        if top.len() < path.len() && self.aliases.iter().any(|alias| alias == top) {
            [b"usr/", path].concat()
        } else {
            path.to_vec()
        }
    }

    /// Claims `path` for a package.
    ///
    /// # Errors
    /// Another package has it and neither replaces the other.
    pub(crate) fn claim(&self, path: &[u8], package: usize) -> Result<Claim> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let key = self.canonical(path);
        let Some(&owner) = state.owners.get(&key) else {
            state.owners.insert(key, package);
            return Ok(Claim::Place);
        };
        if owner == package {
            return Ok(Claim::Place);
        }
        let winner = self.winner(owner, package).ok_or_else(|| {
            let (first, second) = (owner.min(package), owner.max(package));
            let show = |i: usize| {
                format!(
                    "{} {}",
                    self.packages[i].name(),
                    self.packages[i].field("Version")
                )
            };
            Error::user(format!(
                "`/{}` is in two packages: {} and {}",
                String::from_utf8_lossy(&key),
                show(first),
                show(second)
            ))
            .hint("leave one of them out: neither declares that it replaces the other")
        })?;
        let loser = if winner == owner { package } else { owner };
        state.lost.push((loser, path.to_vec()));
        state.owners.insert(key, winner);
        Ok(if winner == package {
            Claim::Replace
        } else {
            Claim::Leave
        })
    }

    /// Whether a package has the path after all have claimed.
    pub(crate) fn owns(&self, path: &[u8], package: usize) -> bool {
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.owners.get(&self.canonical(path)) == Some(&package)
    }

    /// Packages and paths that they do not own although they ship them, since the last call.
    pub(crate) fn take_lost(&self) -> Vec<(usize, Vec<u8>)> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut state.lost)
    }

    /// The package whose `Replaces` covers the other; if both do, the one with the later name.
    fn winner(&self, a: usize, b: usize) -> Option<usize> {
        match (self.replaces(a, b), self.replaces(b, a)) {
            (true, true) => {
                let name = |i: &usize| self.packages[*i].instance();
                [a, b].into_iter().max_by_key(name)
            }
            (true, false) => Some(a),
            (false, true) => Some(b),
            (false, false) => None,
        }
    }

    fn replaces(&self, winner: usize, loser: usize) -> bool {
        let (winner, loser) = (&self.packages[winner], &self.packages[loser]);
        let architecture = winner.field("Architecture");
        relation::parse(winner.field("Replaces"), architecture).any(|relation| {
            let version = loser.field("Version");
            relation.name.split(':').next() == Some(loser.name())
                && relation
                    .version
                    .is_none_or(|(operator, wanted)| operator.allows(version, wanted))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(name: &str, rest: &str) -> Control {
        Control::from_text(&format!(
            "Package: {name}\nVersion: 2\nArchitecture: amd64\n{rest}"
        ))
    }

    #[test]
    fn the_one_that_replaces_wins_in_either_order() {
        let folder = tempfile::tempdir().unwrap();
        std::os::unix::fs::symlink("usr/bin", folder.path().join("bin")).unwrap();
        let root = Root::open(folder.path()).unwrap();
        let packages = [
            package("a", "Replaces: b (<< 3)\n"),
            package("b", ""),
            package("c", "Replaces: a (<< 2)\n"),
        ];
        let claims = Claims::new(&packages, &root).unwrap();
        assert_eq!(claims.claim(b"bin/x", 0).unwrap(), Claim::Place);
        assert_eq!(claims.claim(b"usr/bin/x", 1).unwrap(), Claim::Leave);
        assert_eq!(claims.claim(b"usr/y", 1).unwrap(), Claim::Place);
        assert_eq!(claims.claim(b"usr/y", 0).unwrap(), Claim::Replace);
        assert!(claims.owns(b"usr/y", 0) && !claims.owns(b"usr/y", 1));
        assert_eq!(
            claims.take_lost(),
            [(1, b"usr/bin/x".to_vec()), (1, b"usr/y".to_vec())]
        );
        let error = claims.claim(b"usr/bin/x", 2).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`/usr/bin/x` is in two packages: a 2 and c 2"
        );
    }
}
