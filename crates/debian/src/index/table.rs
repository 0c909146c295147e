//! The packages of an archive in memory, as apt's cache holds them: names and versions as small numbers.

use kindling_deb::relation::Operator;
use kindling_deb::{LockedPackage, LockedSuite, version};

use super::interner::Interner;

/// A package name, or a name with a qualifier such as `python3:any`.
///
/// Numbers are given in the order in which apt's cache generator meets the names; apt prefers the later one
/// where nothing else tells two providers apart, and so do we.
pub(crate) type NameId = u32;

/// One version of one package.
pub(crate) type PackageId = u32;

/// All packages that the suites of an archive offer for one architecture.
#[derive(Debug, Default)]
pub struct Index {
    pub(crate) names: Interner,
    pub(crate) versions: Interner,
    pub(crate) packages: Vec<Package>,
    /// Versions of each name, the one that apt would install first.
    pub(crate) by_name: Vec<Vec<PackageId>>,
    /// The packages that provide each name, in the order of the indices.
    pub(crate) providers: Vec<Vec<Provider>>,
    /// Suites and the pin priority of each.
    pub(crate) suites: Vec<(String, u16)>,
    /// The state of each suite.
    pub releases: Vec<LockedSuite>,
    pub(crate) architecture: String,
}

/// A stanza of a Packages file: what the solver and the lock need of it.
#[derive(Debug)]
pub(crate) struct Package {
    pub name: NameId,
    pub version: u32,
    pub suite: u16,
    pub all: bool,
    pub essential: bool,
    /// Field `Protected` (once `Important`): apt does not remove it, and prefers it as a provider.
    pub protected: bool,
    pub priority: Priority,
    /// Ubuntu still hands it out to some machines only (`Phased-Update-Percentage` below 100).
    pub phased: bool,
    pub size: u64,
    pub sha256: Box<str>,
    pub path: Box<str>,
    /// `Pre-Depends`, then `Depends`.
    pub depends: Box<[Target]>,
    pub recommends: Box<[Target]>,
    /// `Conflicts`, then `Breaks`.
    pub conflicts: Box<[Target]>,
}

/// Field `Priority`, in apt's order; a package without one comes first there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Priority {
    None,
    Required,
    Important,
    Standard,
    Optional,
    Extra,
}

/// One alternative of a relation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Target {
    pub name: NameId,
    pub version: Option<(Operator, u32)>,
    pub or_next: bool,
}

/// A package that provides a name, with the version it provides it in.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Provider {
    pub package: PackageId,
    pub version: Option<u32>,
}

impl Index {
    /// The version of `name` that apt would install, without regard to what else is.
    pub fn candidate(&self, name: &str) -> Option<LockedPackage> {
        let name = self.names.find(name)?;
        self.candidate_of(name).map(|id| self.locked(id))
    }

    /// Names of all packages, in no particular order; those that are only provided are not among them.
    pub fn package_names(&self) -> impl Iterator<Item = &str> {
        self.by_name
            .iter()
            .enumerate()
            .filter(|(_, versions)| !versions.is_empty())
            .map(|(name, _)| self.names.get(name as NameId))
    }

    /// How many packages, versions counted apart, the index holds.
    pub fn len(&self) -> usize {
        self.packages.len()
    }

    /// Whether the index is empty.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty()
    }

    pub(crate) fn candidate_of(&self, name: NameId) -> Option<PackageId> {
        self.by_name.get(name as usize)?.first().copied()
    }

    pub(crate) fn package(&self, id: PackageId) -> &Package {
        &self.packages[id as usize]
    }

    pub(crate) fn name_of(&self, id: PackageId) -> &str {
        self.names.get(self.package(id).name)
    }

    pub(crate) fn version_of(&self, id: PackageId) -> &str {
        self.versions.get(self.package(id).version)
    }

    /// The package as a lock pins it.
    pub(crate) fn locked(&self, id: PackageId) -> LockedPackage {
        let package = self.package(id);
        LockedPackage {
            name: self.name_of(id).to_owned(),
            version: self.version_of(id).to_owned(),
            architecture: if package.all {
                "all"
            } else {
                &self.architecture
            }
            .to_owned(),
            size: package.size,
            sha256: package.sha256.to_string(),
            path: package.path.to_string(),
            suite: self.suites[usize::from(package.suite)].0.clone(),
            layer: 0,
        }
    }

    /// All packages, of whatever version, that satisfy one alternative: real ones first, then providers.
    pub(crate) fn satisfying(&self, target: Target) -> impl Iterator<Item = PackageId> {
        let name = target.name as usize;
        let real = self.by_name[name]
            .iter()
            .copied()
            .filter(move |id| self.allows(target, Some(self.package(*id).version)));
        let provided = self.providers[name]
            .iter()
            .filter(move |provider| self.allows(target, provider.version))
            .map(|provider| provider.package);
        real.chain(provided)
    }

    fn allows(&self, target: Target, have: Option<u32>) -> bool {
        match (target.version, have) {
            (None, _) => true,
            // Policy 7.5: a name provided without a version satisfies no versioned relation.
            (Some(_), None) => false,
            (Some((operator, want)), Some(have)) => {
                operator.allows(self.versions.get(have), self.versions.get(want))
            }
        }
    }

    /// The relation as it is written, without its alternatives.
    pub(crate) fn display(&self, target: Target) -> String {
        let name = self.names.get(target.name);
        match target.version {
            Some((operator, version)) => {
                format!("{name} ({operator} {})", self.versions.get(version))
            }
            None => name.to_owned(),
        }
    }

    /// Whether it holds this very file.
    pub fn has(&self, pin: &LockedPackage) -> bool {
        let versions = self.names.find(&pin.name);
        let versions = versions.and_then(|name| self.by_name.get(name as usize));
        versions.is_some_and(|versions| versions.iter().any(|id| self.is(*id, pin)))
    }

    fn is(&self, id: PackageId, pin: &LockedPackage) -> bool {
        self.version_of(id) == pin.version && *self.package(id).sha256 == pin.sha256
    }

    /// Makes each of `pins` the candidate of its name, where the index holds that very file.
    pub fn prefer<'a>(&mut self, pins: impl IntoIterator<Item = &'a LockedPackage>) {
        for pin in pins {
            let Some(name) = self.names.find(&pin.name) else {
                continue;
            };
            let versions = &self.by_name[name as usize];
            if let Some(at) = versions.iter().position(|id| self.is(*id, pin)) {
                self.by_name[name as usize][..=at].rotate_right(1);
            }
        }
    }

    /// Forgets what [`Index::prefer`] preferred.
    pub fn prefer_nothing(&mut self) {
        self.sort_candidates();
    }

    /// Sorts the versions of each name: what is for everybody first, then by the suite's pin priority, then the version,
    /// both descending.
    ///
    /// An update of Ubuntu that is handed out by and by may be withdrawn, and apt decides by the machine's id whether it
    /// is that machine's turn. An image has no id: it takes what everybody has.
    pub(crate) fn sort_candidates(&mut self) {
        let Self {
            packages,
            suites,
            versions,
            ..
        } = self;
        for ids in &mut self.by_name {
            ids.sort_by(|a, b| {
                let (a, b) = (&packages[*a as usize], &packages[*b as usize]);
                let pin = |p: &Package| suites[usize::from(p.suite)].1;
                let order = || version::compare(versions.get(b.version), versions.get(a.version));
                (a.phased.cmp(&b.phased))
                    .then_with(|| pin(b).cmp(&pin(a)))
                    .then_with(order)
            });
        }
    }
}

/// Alternatives of a relation, one group at a time.
pub(crate) fn groups(targets: &[Target]) -> impl Iterator<Item = &[Target]> {
    targets.split_inclusive(|target| !target.or_next)
}
