//! The user's configuration file, `~/.config/kindling/config.toml`, which the builder and the launcher share.
//!
//! ```toml
//! [mirrors]                       # where archives are: the builder's
//! debian = "http://mirror.example/debian"
//!
//! [network]                       # the bridge of VMs with TAPs: the launcher's
//! bridge = "br0"
//!
//! [limits]                        # what all VMs together may take: the launcher's
//! memory_mib = 16384
//! ```
//!
//! This crate knows the tables and their keys, so that whoever reads the file refuses a misspelt one, whoever it concerns. What
//! the values mean is the business of the table's owner, who names a type for it ([`Config::table`]).

mod table;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use kindling_base::{Result, files, folders};
use kindling_located::{Location, Problem, Source, into_error};
use serde::de::DeserializeOwned;
use toml::de::{DeTable, ValueDeserializer};

pub use table::Table;

/// The configuration file as it was read, or an empty one.
#[derive(Clone)]
pub struct Config {
    source: Arc<Source>,
}

impl Config {
    /// The configuration of the user who runs this process; an empty one if there is no file.
    ///
    /// # Errors
    /// As [`Config::read`].
    pub fn of_this_user() -> Result<Self> {
        match Self::path() {
            Some(path) => Self::read(&path),
            None => Ok(Self::of(PathBuf::new(), String::new())),
        }
    }

    /// The path of this user's file: `$XDG_CONFIG_HOME/kindling/config.toml`, else `~/.config/kindling/config.toml`.
    pub fn path() -> Option<PathBuf> {
        folders::config().map(|folder| folder.join("kindling/config.toml"))
    }

    /// Reads the file `path`; an empty configuration if it does not exist.
    ///
    /// # Errors
    /// It cannot be read, is not TOML, or has unknown tables or keys; every mistake is in the error.
    pub fn read(path: &Path) -> Result<Self> {
        if !path.exists() {
            return Ok(Self::of(path.to_owned(), String::new()));
        }
        let config = Self::of(path.to_owned(), files::read_text(path)?);
        let (document, errors) = DeTable::parse_recoverable(config.text());
        let mut problems: Vec<Problem> = errors.iter().map(|error| config.syntax(error)).collect();
        if problems.is_empty() {
            problems = table::unknown(&config.source, document.get_ref());
        }
        if problems.is_empty() {
            Ok(config)
        } else {
            Err(into_error(path, problems))
        }
    }

    /// The values of a table; `T`'s default if the file does not have the table.
    ///
    /// # Errors
    /// A value has another type or form than `T` takes.
    pub fn table<T: DeserializeOwned + Default>(&self, table: Table) -> Result<T> {
        let wrong = |error: &toml::de::Error| {
            let problem = Problem::new(&self.place(error), error.message(), table.example());
            into_error(&self.source.path, vec![problem])
        };
        let document = DeTable::parse(self.text()).map_err(|error| wrong(&error))?;
        match document.into_inner().remove(table.name()) {
            Some(value) => {
                T::deserialize(ValueDeserializer::from(value)).map_err(|error| wrong(&error))
            }
            None => Ok(T::default()),
        }
    }

    fn of(path: PathBuf, text: String) -> Self {
        Self {
            source: Arc::new(Source { path, text }),
        }
    }

    fn text(&self) -> &str {
        &self.source.text
    }

    fn place(&self, error: &toml::de::Error) -> Location {
        Location::new(&self.source, error.span().unwrap_or(0..0))
    }

    fn syntax(&self, error: &toml::de::Error) -> Problem {
        Problem::new(
            &self.place(error),
            error.message(),
            "mend the TOML syntax (https://toml.io/en/v1.0.0)",
        )
    }
}

#[cfg(test)]
mod tests;
