//! Packages files into the [`Index`].

use kindling_deb::{deb822, relation};

use super::table::{Index, Interner, NameId, Package, Priority, Provider, Target};

/// Whether this is 64 lowercase hexadecimal digits.
pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

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
    phased: &'a str,
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
            suite: (self.suites.len() - 1) as u16,
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
                "Phased-Update-Percentage" => &mut stanza.phased,
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HASH: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    #[test]
    fn names_are_numbered_as_apt_meets_them() {
        let mut index = Index::new("amd64");
        let stanza = format!(
            "Package: a\nVersion: 1\nArchitecture: amd64\nSHA256: {HASH}\nProvides: v\nSuggests: s\nDepends: d | e:any, f:amd64\nPre-Depends: p\n"
        );
        index.add("one", 500, &stanza);
        let names: Vec<&str> = (0..index.names.len() as u32)
            .map(|id| index.names.get(id))
            .collect();
        assert_eq!(names, ["a", "p", "d", "e:any", "f", "s", "v"]);
    }

    #[test]
    fn what_is_incomplete_foreign_or_known_is_skipped() {
        let mut index = Index::new("amd64");
        let good = format!("Package: a\nVersion: 1\nArchitecture: all\nSHA256: {HASH}\n");
        for (from, to) in [
            ("Package", "X"),
            ("Version", "X"),
            ("SHA256", "MD5"),
            (": all", ": arm64"),
        ] {
            index.add("one", 500, &good.replace(from, to));
        }
        assert!(index.is_empty());
        index.add("one", 500, &good);
        index.add("two", 500, &good);
        assert_eq!(index.len(), 1);
        assert_eq!(index.candidate("a").unwrap().suite, "one");
    }

    #[test]
    fn an_update_that_only_some_machines_get_waits_unless_it_is_a_security_fix() {
        let version = |version: &str, more: &str| {
            format!("Package: a\nVersion: {version}\nArchitecture: all\nSHA256: {HASH}\n{more}\n")
        };
        let candidate = |index: &Index| index.candidate("a").unwrap().version;
        let mut index = Index::new("amd64");
        index.add("jammy", 500, &version("1", ""));
        index.add(
            "jammy-updates",
            500,
            &version("3", "Phased-Update-Percentage: 10\n"),
        );
        assert_eq!(candidate(&index), "1");
        index.add(
            "jammy-updates",
            500,
            &version("2", "Phased-Update-Percentage: 100\n"),
        );
        assert_eq!(candidate(&index), "2");
        index.add("jammy-security", 500, &version("3", ""));
        assert_eq!(candidate(&index), "3");
        // The only version there is serves all the same.
        let mut only = Index::new("amd64");
        only.add(
            "jammy-updates",
            500,
            &version("4", "Phased-Update-Percentage: 0\n"),
        );
        assert_eq!(candidate(&only), "4");
    }

    proptest! {
        #[test]
        fn any_index_is_read_and_solved_without_a_panic(
            stanzas in prop::collection::vec(("[a-d]", "[0-9]", "([a-d]( \\([<>=]{1,2} [0-9]\\))?( [|,] )?){0,4}", "[a-d, ]{0,6}", "[a-d, ]{0,6}"), 0..8)
        ) {
            let mut index = Index::new("amd64");
            for (name, version, depends, conflicts, provides) in &stanzas {
                index.add("one", 500, &format!(
                    "Package: {name}\nVersion: {version}\nArchitecture: all\nSHA256: {HASH}\nDepends: {depends}\nConflicts: {conflicts}\nProvides: {provides}\n"
                ));
            }
            let request = crate::Request { packages: stanzas.iter().take(2).map(|s| s.0.clone()).collect(), recommends: true };
            match crate::solve(&index, &request) {
                Ok(set) => prop_assert!(set.is_sorted_by(|a, b| a.name < b.name)),
                Err(error) => prop_assert_eq!(error.exit(), kindling_base::Exit::User),
            }
        }
    }
}
