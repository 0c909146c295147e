//! `Cargo.toml`: what a crate is called and what it depends on, tests apart.

use std::path::{Path, PathBuf};

use toml::{Table, Value};

use crate::Error;
use crate::sources::Files;

/// Tables of dependencies that can change what a crate computes: a build script's generate code.
const KINDS: [&str; 2] = ["dependencies", "build-dependencies"];

/// A parsed `Cargo.toml`.
#[derive(Debug)]
pub(crate) struct Manifest {
    folder: PathBuf,
    table: Table,
}

/// A dependency.
#[derive(Debug)]
pub(crate) struct Dependency {
    /// The package's name, whatever the crate is called here.
    pub(crate) package: String,
    /// The folder of a crate that is named by path.
    pub(crate) folder: Option<PathBuf>,
    /// Version, features and the like, as TOML: the crate's own words, then the workspace's.
    pub(crate) words: String,
}

impl Manifest {
    /// Reads the manifest of the crate or workspace in `folder`.
    pub(crate) fn read(folder: &Path, files: &dyn Files) -> Result<Self, Error> {
        let path = folder.join("Cargo.toml");
        let bytes = files.read(&path)?;
        let table = String::from_utf8_lossy(&bytes)
            .parse()
            .map_err(|error| Error(format!("{} does not parse: {error}", path.display())))?;
        Ok(Self {
            folder: folder.to_owned(),
            table,
        })
    }

    /// The package's name.
    pub(crate) fn name(&self) -> Result<String, Error> {
        let name = self
            .table
            .get("package")
            .and_then(|package| package.get("name"));
        let name = name.and_then(Value::as_str).map(str::to_owned);
        name.ok_or_else(|| {
            Error(format!(
                "{}/Cargo.toml has no package name",
                self.folder.display()
            ))
        })
    }

    /// The features that the crate itself has, as TOML.
    pub(crate) fn features(&self) -> String {
        self.table
            .get("features")
            .map(Value::to_string)
            .unwrap_or_default()
    }

    /// The crate's dependencies on every platform. `root` is the manifest of its workspace.
    pub(crate) fn dependencies(&self, root: &Self) -> Vec<Dependency> {
        let platforms = self.table.get("target").and_then(Value::as_table);
        let platforms = platforms
            .into_iter()
            .flat_map(Table::values)
            .filter_map(Value::as_table);
        std::iter::once(&self.table)
            .chain(platforms)
            .flat_map(|table| KINDS.map(|kind| table.get(kind)))
            .filter_map(|table| table?.as_table())
            .flatten()
            .map(|(name, value)| self.dependency(name, value, root))
            .collect()
    }

    fn dependency(&self, name: &str, value: &Value, root: &Self) -> Dependency {
        let inherits = value.get("workspace").and_then(Value::as_bool) == Some(true);
        let shared = root.table.get("workspace");
        let shared = shared.and_then(|table| table.get("dependencies")?.get(name));
        let shared = shared.filter(|_| inherits);
        let text = |key| {
            let of = |value: &Value| Some(value.get(key)?.as_str()?.to_owned());
            of(value).or_else(|| of(shared?))
        };
        let base = if inherits { &root.folder } else { &self.folder };
        Dependency {
            package: text("package").unwrap_or_else(|| name.to_owned()),
            folder: text("path").map(|path| base.join(path)),
            words: format!(
                "{name} = {value} {}",
                shared.map(Value::to_string).unwrap_or_default()
            ),
        }
    }
}
