//! Cargo's configuration in its home: sources that replace others, and registries with names.
//!
//! The sections `[source]` and `[registries]` of "Configuration" in cargo's documentation. Of the environment cargo takes
//! `CARGO_REGISTRIES_NAME_INDEX` and nothing about sources.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kindling_base::{Error, Result, files};
use serde::Deserialize;

use crate::finding::Finding;
use crate::home::Places;

/// The name of the source that is replaced by others.
const DEFAULT: &str = "crates-io";

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Configuration {
    source: BTreeMap<String, Source>,
    registries: BTreeMap<String, Registry>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "kebab-case")]
struct Source {
    replace_with: Option<String>,
    registry: Option<String>,
    local_registry: Option<PathBuf>,
    directory: Option<PathBuf>,
    git: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Registry {
    index: Option<String>,
}

impl Places {
    /// The registries that cargo's configuration names: those that replace the default one, then those with names.
    ///
    /// # Errors
    /// The file cannot be read, is not TOML, or its sources replace each other in a circle.
    pub(crate) fn configured(&self) -> Result<Vec<Finding>> {
        let Some(home) = &self.home else {
            return Ok(named(&self.environment, &Configuration::default(), "-"));
        };
        // Cargo looks at the old name first.
        let path = home.join("config");
        let path = match path.is_file() {
            true => path,
            false => home.join("config.toml"),
        };
        let configuration = match path.is_file() {
            true => toml::from_str(&files::read_text(&path)?).map_err(|error| {
                Error::user(format!("{} does not parse", path.display())).because(error)
            })?,
            false => Configuration::default(),
        };
        let mut found = replaced(&configuration, &path)?;
        let place = path.display().to_string();
        found.extend(named(&self.environment, &configuration, &place));
        Ok(found)
    }
}

/// The end of the chain of `replace-with`.
fn replaced(configuration: &Configuration, path: &Path) -> Result<Vec<Finding>> {
    let place = path.display();
    let nothing = || {
        let text = format!("{place}: no [source.{DEFAULT}] with `replace-with`");
        Ok(vec![Finding::Nothing(text)])
    };
    let mut name = DEFAULT;
    let mut seen = Vec::new();
    loop {
        if seen.contains(&name) {
            let circle = seen.join("`, `");
            return Err(Error::user(format!("{place}: sources replace each other in a circle: `{circle}`"))
                .hint("let the last one have `registry`, `local-registry` or `directory` instead of `replace-with`"));
        }
        seen.push(name);
        let Some(source) = configuration.source.get(name) else {
            // A source can be replaced with one of [registries], too.
            let registry = configuration.registries.get(name);
            return match registry.and_then(|registry| registry.index.as_deref()) {
                _ if name == DEFAULT => nothing(),
                Some(url) => Ok(vec![Finding::index(
                    url,
                    &format!("{place}, [registries.{name}]"),
                )]),
                None => Ok(vec![Finding::Nothing(format!(
                    "{place}: no [source.{name}], which replaces another"
                ))]),
            };
        };
        match &source.replace_with {
            Some(next) => name = next,
            None if name == DEFAULT && source.registry.is_none() => return nothing(),
            None => return Ok(vec![ending(source, path, name)]),
        }
    }
}

fn ending(source: &Source, path: &Path, name: &str) -> Finding {
    let place = format!("{}, [source.{name}]", path.display());
    // Paths are relative to the folder above that of the configuration file.
    let base = path.parent().and_then(Path::parent).unwrap_or(path);
    if let Some(url) = &source.registry {
        return Finding::index(url, &place);
    }
    if let Some(folder) = &source.local_registry {
        return Finding::Folder(base.join(folder));
    }
    Finding::Nothing(match (&source.directory, &source.git) {
        (Some(_), _) => format!("{place}: a `directory` has crates unpacked, without their files"),
        (None, Some(_)) => format!("{place}: a repository of git has no files of crates"),
        (None, None) => format!("{place}: says nowhere where it is"),
    })
}

/// The registries with names. A variable wins over the file, as cargo has it.
fn named(
    environment: &BTreeMap<String, String>,
    configuration: &Configuration,
    place: &str,
) -> Vec<Finding> {
    let mut indices = BTreeMap::new();
    for (name, registry) in &configuration.registries {
        if let Some(url) = &registry.index {
            let key = name.to_uppercase().replace('-', "_");
            indices.insert(key, (url, format!("{place}, [registries.{name}]")));
        }
    }
    for (variable, url) in environment {
        let name = variable.strip_prefix("CARGO_REGISTRIES_");
        if let Some(name) = name.and_then(|name| name.strip_suffix("_INDEX")) {
            indices.insert(name.to_owned(), (url, format!("the variable {variable}")));
        }
    }
    let found = indices
        .values()
        .map(|(url, place)| Finding::index(url, place));
    found.collect()
}

#[cfg(test)]
mod tests;
