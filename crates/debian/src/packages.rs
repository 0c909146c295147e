//! Packages files into the [`Index`].

use crate::deb822;
use crate::index::{Index, Interner, NameId, Package, Priority, Provider, Target};
use crate::relation;
use crate::release::is_sha256;

/// The fields of a stanza that we read.
#[derive(Default)]
struct Stanza<'a> {
    package: &'a str,
    version: &'a str,
    architecture: &'a str,
    multi_arch: &'a str,
    essential: &'a str,
    protected: &'a str,
    important: &'a str,
    priority: &'a str,
    size: &'a str,
    sha256: &'a str,
    filename: &'a str,
    pre_depends: &'a str,
    depends: &'a str,
    conflicts: &'a str,
    breaks: &'a str,
    recommends: &'a str,
    suggests: &'a str,
    replaces: &'a str,
    enhances: &'a str,
    provides: &'a str,
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
                self.add_stanza(&stanza, all);
            }
        }
        self.by_name.resize(self.names.len(), Vec::new());
        self.providers.resize(self.names.len(), Vec::new());
        self.sort_candidates();
    }

    fn add_stanza(&mut self, stanza: &Stanza<'_>, all: bool) {
        let name = self.names.intern(stanza.package);
        let version = self.versions.intern(stanza.version);
        if let Some(versions) = self.by_name.get(name as usize)
            && versions
                .iter()
                .any(|id| self.package(*id).version == version)
        {
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
            suite: (self.suites.len() - 1) as u16,
            all,
            essential: stanza.essential == "yes",
            protected: stanza.protected == "yes" || stanza.important == "yes",
            priority: Priority::read(stanza.priority),
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

    /// What the stanza provides, by its field and by being `Multi-Arch: allowed`, which satisfies `name:any`.
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

impl<'a> Stanza<'a> {
    fn read(paragraph: deb822::Paragraph<'a>) -> Self {
        let mut stanza = Self::default();
        for (name, value) in paragraph.fields() {
            let field = match name {
                "Package" => &mut stanza.package,
                "Version" => &mut stanza.version,
                "Architecture" => &mut stanza.architecture,
                "Multi-Arch" => &mut stanza.multi_arch,
                "Essential" => &mut stanza.essential,
                "Protected" => &mut stanza.protected,
                "Important" => &mut stanza.important,
                "Priority" => &mut stanza.priority,
                "Size" => &mut stanza.size,
                "SHA256" => &mut stanza.sha256,
                "Filename" => &mut stanza.filename,
                "Pre-Depends" => &mut stanza.pre_depends,
                "Depends" => &mut stanza.depends,
                "Conflicts" => &mut stanza.conflicts,
                "Breaks" => &mut stanza.breaks,
                "Recommends" => &mut stanza.recommends,
                "Suggests" => &mut stanza.suggests,
                "Replaces" => &mut stanza.replaces,
                "Enhances" => &mut stanza.enhances,
                "Provides" => &mut stanza.provides,
                _ => continue,
            };
            *field = value;
        }
        stanza
    }
}

impl Priority {
    fn read(value: &str) -> Self {
        match value {
            "" => Self::None,
            "required" => Self::Required,
            "important" => Self::Important,
            "standard" => Self::Standard,
            "optional" => Self::Optional,
            _ => Self::Extra,
        }
    }
}
