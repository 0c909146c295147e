//! `Cargo.lock`: which crates are below a crate of a registry.

use std::collections::BTreeMap;

use toml::{Table, Value};

use crate::Error;

/// A package of `Cargo.lock`.
#[derive(Debug)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// Its hash, or where it is from if it has none; `None` for a crate that is named by path.
    pub(crate) pinned: Option<String>,
    /// Each as cargo writes it: `name`, `name version` or `name version (source)`.
    dependencies: Vec<String>,
}

/// The packages of a `Cargo.lock`, by name.
#[derive(Debug)]
pub(crate) struct Lock(BTreeMap<String, Vec<Package>>);

impl Lock {
    /// Parses a `Cargo.lock`.
    pub(crate) fn parse(text: &str) -> Result<Self, Error> {
        let table: Table = text
            .parse()
            .map_err(|error| Error(format!("Cargo.lock does not parse: {error}")))?;
        let mut packages: BTreeMap<String, Vec<Package>> = BTreeMap::new();
        for package in table
            .get("package")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
        {
            let text = |key| Some(package.get(key)?.as_str()?.to_owned());
            let missing = || Error("Cargo.lock has a package without name or version".to_owned());
            let dependencies = package.get("dependencies").and_then(Value::as_array);
            let package = Package {
                name: text("name").ok_or_else(missing)?,
                version: text("version").ok_or_else(missing)?,
                pinned: text("checksum").or_else(|| text("source")),
                dependencies: dependencies
                    .into_iter()
                    .flatten()
                    .filter_map(|item| Some(item.as_str()?.to_owned()))
                    .collect(),
            };
            packages
                .entry(package.name.clone())
                .or_default()
                .push(package);
        }
        Ok(Self(packages))
    }

    /// The package of a crate that is named by path.
    pub(crate) fn local(&self, name: &str) -> Option<&Package> {
        self.0.get(name)?.iter().find(|one| one.pinned.is_none())
    }

    /// The packages of a name that `package` depends on: one for each version that it asks for.
    pub(crate) fn named<'a>(&'a self, package: &'a Package, name: &str) -> Vec<&'a Package> {
        self.below(package)
            .into_iter()
            .filter(|one| one.name == name)
            .collect()
    }

    /// All packages that `package` depends on directly.
    pub(crate) fn below<'a>(&'a self, package: &'a Package) -> Vec<&'a Package> {
        let find = |dependency: &String| {
            let mut words = dependency.split(' ');
            let named = self.0.get(words.next()?)?;
            match words.next() {
                None => named.first(),
                Some(version) => named.iter().find(|one| one.version == version),
            }
        };
        package.dependencies.iter().filter_map(find).collect()
    }
}
