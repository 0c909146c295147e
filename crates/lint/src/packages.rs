//! Packages of an image, as dpkg's database in it has them: who brings a file, and what each asks for besides its dependencies.

use std::collections::BTreeMap;

use kindling_base::Result;
use kindling_deb::{deb822, relation};
use kindling_sysroot::Files;
use kindling_tree::Kind;

/// dpkg's lists of files, `PACKAGE.list` or `PACKAGE:ARCHITECTURE.list`.
const LISTS: &str = "/var/lib/dpkg/info";
/// dpkg's state of every package.
const STATUS: &str = "/var/lib/dpkg/status";
/// Folders that are links into /usr in a merged root, while older packages still list files below them.
const MERGED: [&str; 6] = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"];
/// Fields of packages that are wanted and not needed, and how one says so.
const WISHES: [(&str, &str); 2] = [("Recommends", "recommends"), ("Suggests", "suggests")];

/// The packages of an image.
#[derive(Clone, Debug, Default)]
pub(crate) struct Packages {
    /// Names of packages by the files and folders that they bring, without a leading slash.
    owners: BTreeMap<Vec<u8>, String>,
    /// Folders of the root that are links into /usr.
    merged: Vec<&'static str>,
    /// Packages that each package recommends or suggests, each with that verb.
    wishes: BTreeMap<String, Vec<(&'static str, String)>>,
}

impl Packages {
    /// Reads dpkg's database; there are no packages where an image has none.
    pub(crate) fn read(files: &Files<'_>) -> Result<Self> {
        let is_merged = |top: &&str| {
            let entry = files.0.get(top.as_bytes());
            entry.is_some_and(|entry| matches!(entry.kind, Kind::Symlink(_)))
        };
        let mut packages = Self {
            merged: MERGED.into_iter().filter(is_merged).collect(),
            ..Self::default()
        };
        for (name, _) in files.list(LISTS) {
            let Some(instance) = name.strip_suffix(".list") else {
                continue;
            };
            let package = instance.split(':').next().unwrap_or(instance);
            let text = files.text(&format!("{LISTS}/{name}"))?.unwrap_or_default();
            for line in text.lines() {
                let path = packages.merged(line);
                packages.owners.insert(path, package.to_owned());
            }
        }
        let status = files.text(STATUS)?.unwrap_or_default();
        for paragraph in deb822::paragraphs(&status) {
            let name = paragraph.get("Package").unwrap_or_default();
            let wishes = WISHES.iter().flat_map(|(field, verb)| {
                let value = paragraph.get(field).unwrap_or_default();
                relation::parse(value, "amd64").map(move |one| (*verb, base(one.name).to_owned()))
            });
            packages.wishes.insert(name.to_owned(), wishes.collect());
        }
        Ok(packages)
    }

    /// The package that brings a file or folder.
    pub(crate) fn owner(&self, path: &str) -> Option<&str> {
        self.owners.get(&self.merged(path)).map(String::as_str)
    }

    /// A path as the merged root has it, without a leading slash.
    fn merged(&self, path: &str) -> Vec<u8> {
        let path = path.trim_start_matches('/');
        let top = path.split('/').next().unwrap_or_default();
        match self.merged.contains(&top) {
            true => format!("usr/{path}").into(),
            false => path.into(),
        }
    }

    /// The package of which a file of this name was taken away: it brings the file, and no package's is in the image.
    pub(crate) fn taken(&self, files: &Files<'_>, name: &str) -> Option<&str> {
        let end = format!("/{name}").into_bytes();
        let named = self.owners.iter().filter(|(path, _)| path.ends_with(&end));
        let mut package = None;
        for (path, owner) in named {
            if files.0.get(path).is_some() {
                return None;
            }
            package.get_or_insert(owner.as_str());
        }
        package
    }

    /// How a package asks for another of which `is` holds: a verb, and its name.
    pub(crate) fn wish(&self, package: &str, is: impl Fn(&str) -> bool) -> Option<(&str, &str)> {
        let mut wishes = self.wishes.get(package)?.iter();
        let (verb, name) = wishes.find(|(_, name)| is(name))?;
        Some((verb, name))
    }
}

/// A name without its qualifier (`python3:any`).
fn base(name: &str) -> &str {
    name.split(':').next().unwrap_or(name)
}
