//! Packages files into the [`Index`].

use kindling_deb::{LockedPackage, deb822, relation};

use super::interner::Interner;
use super::stanza::Stanza;
use super::table::{Index, NameId, Package, Priority, Provider, Target};

/// Whether this is 64 lowercase hexadecimal digits.
pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

impl Index {
    /// An index without packages.
    pub fn new(architecture: &str) -> Self {
        Self {
            architecture: architecture.to_owned(),
            ..Self::default()
        }
    }

    /// Adds the packages of one Packages file of a suite with this pin priority; suites are added in the
    /// order in which apt's sources list them. A version that is there already is not added again.
    ///
    /// Stanzas of other architectures, and those that lack a name, a version or a hash, are skipped as apt
    /// skips them: the file's own hash was checked, so they are the archive's peculiarity.
    pub fn add(&mut self, suite: &str, priority: u16, text: &str) {
        if self.suites.last().is_none_or(|(last, _)| last != suite) {
            self.suites.push((suite.to_owned(), priority));
        }
        for paragraph in deb822::paragraphs(text) {
            let stanza = Stanza::read(paragraph);
            let all = stanza.architecture == "all";
            let complete = !stanza.package.is_empty()
                && !stanza.version.is_empty()
                && is_sha256(stanza.sha256);
            if complete && (all || stanza.architecture == self.architecture) {
                let suite = (self.suites.len() - 1) as u16;
                self.add_stanza(&stanza, suite, all);
            }
        }
        self.finish_adding();
    }

    /// Adds packages that a lock pins and the archive no longer has, each with the control file of its .deb.
    ///
    /// Those of a suite that the index does not have are skipped.
    pub fn add_departed<'a>(
        &mut self,
        pins: impl IntoIterator<Item = (&'a LockedPackage, &'a str)>,
    ) {
        for (pin, control) in pins {
            let mut suites = self.suites.iter();
            let suite = suites.position(|(name, _)| *name == pin.suite);
            let (Some(suite), Some(paragraph)) = (suite, deb822::paragraphs(control).next()) else {
                continue;
            };
            let size = pin.size.to_string();
            let mut stanza = Stanza::read(paragraph);
            (stanza.size, stanza.sha256, stanza.filename) = (&size, &pin.sha256, &pin.path);
            if stanza.package != pin.name || stanza.version != pin.version {
                continue;
            }
            // The archive overrides the priority that the maintainer wrote, and only its index says so.
            let priority = self.names.find(&pin.name);
            let priority = priority.and_then(|name| self.candidate_of(name));
            let priority = priority.map(|id| self.package(id).priority);
            let before = self.packages.len();
            self.add_stanza(&stanza, suite as u16, pin.architecture == "all");
            if let (Some(priority), Some(added)) = (priority, self.packages.get_mut(before)) {
                added.priority = priority;
            }
        }
        self.finish_adding();
    }

    fn finish_adding(&mut self) {
        self.by_name.resize(self.names.len(), Vec::new());
        self.providers.resize(self.names.len(), Vec::new());
        self.sort_candidates();
    }

    fn add_stanza(&mut self, stanza: &Stanza<'_>, suite: u16, all: bool) {
        let name = self.names.intern(stanza.package);
        let version = self.versions.intern(stanza.version);
        // Absent, or no number: for everybody.
        let phased = stanza
            .phased
            .parse()
            .is_ok_and(|percent: u32| percent < 100);
        let versions = self.by_name.get(name as usize).into_iter().flatten();
        let same = versions
            .copied()
            .find(|id| self.package(*id).version == version);
        if let Some(same) = same {
            // What one suite hands out by and by, another has for everybody: a security fix.
            self.packages[same as usize].phased &= phased;
            return;
        }
        let id = self.packages.len() as u32;
        // The order of these is that of apt's deblistparser.cc, NewVersion: it numbers the names.
        let mut depends = self.targets(stanza.pre_depends);
        depends.extend(self.targets(stanza.depends));
        let mut conflicts = self.targets(stanza.conflicts);
        conflicts.extend(self.targets(stanza.breaks));
        let recommends = self.targets(stanza.recommends);
        for unused in [stanza.suggests, stanza.replaces, stanza.enhances] {
            self.targets(unused);
        }
        let provides = self.provided(stanza, name, version);
        self.by_name.resize(self.names.len(), Vec::new());
        self.providers.resize(self.names.len(), Vec::new());
        self.by_name[name as usize].push(id);
        for (provided, version) in provides {
            self.providers[provided as usize].push(Provider {
                package: id,
                version,
            });
        }
        self.packages.push(Package {
            name,
            version,
            suite,
            all,
            essential: stanza.essential == "yes",
            protected: stanza.protected == "yes" || stanza.important == "yes",
            priority: Priority::read(stanza.priority),
            phased,
            size: stanza.size.parse().unwrap_or_default(),
            sha256: stanza.sha256.into(),
            path: stanza.filename.into(),
            depends: depends.into(),
            recommends: recommends.into(),
            conflicts: conflicts.into(),
        });
    }

    fn targets(&mut self, value: &str) -> Vec<Target> {
        let Self {
            names,
            versions,
            architecture,
            ..
        } = self;
        relation::parse(value, architecture)
            .map(|relation| Target {
                name: intern_name(names, relation.name, architecture),
                version: relation
                    .version
                    .map(|(operator, v)| (operator, versions.intern(v))),
                or_next: relation.or_next,
            })
            .collect()
    }

    /// The names that the stanza provides, by its field and by being `Multi-Arch: allowed`, which satisfies `name:any`.
    fn provided(
        &mut self,
        stanza: &Stanza<'_>,
        name: NameId,
        version: u32,
    ) -> Vec<(NameId, Option<u32>)> {
        let allowed = stanza.multi_arch == "allowed";
        let mut provides = Vec::new();
        for relation in relation::parse(stanza.provides, &self.architecture) {
            let provided = self.names.intern(relation.name);
            let version = relation.version.map(|(_, v)| self.versions.intern(v));
            provides.push((provided, version));
            if allowed {
                let any = self.names.intern(&format!("{}:any", relation.name));
                provides.push((any, version));
            }
        }
        if allowed {
            let any = self.names.intern(&format!("{}:any", stanza.package));
            provides.push((any, Some(version)));
        }
        // A package that provides its own name adds nothing, unless in another version.
        provides.retain(|(provided, v)| *provided != name || v.is_some_and(|v| v != version));
        provides
    }
}

/// The name as a number; a qualifier that names our own architecture says nothing.
fn intern_name(names: &mut Interner, name: &str, architecture: &str) -> NameId {
    match name.split_once(':') {
        Some((plain, qualifier)) if qualifier == architecture || qualifier == "native" => {
            names.intern(plain)
        }
        _ => names.intern(name),
    }
}
