//! The places in which a person can name mirrors.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kindling_base::{Error, Result};
use kindling_config::{Config, Table};
use serde::Deserialize;

/// One place that may name mirrors, and the mirrors it names.
#[derive(Clone, Debug)]
pub(crate) struct Level {
    /// The place.
    pub place: Place,
    /// Addresses of each archive, to be tried in order.
    pub urls: BTreeMap<String, Vec<String>>,
}

#[derive(Clone, Debug)]
pub(crate) enum Place {
    Flag,
    Environment,
    Recipe,
    Config(PathBuf),
}

/// One address or several, tried in order.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

/// The variable that names mirrors of an archive.
fn variable(archive: &str) -> String {
    format!(
        "KINDLING_MIRROR_{}",
        archive.to_uppercase().replace('-', "_")
    )
}

impl Place {
    /// The place as an error names it, for an archive that it does not name.
    pub(crate) fn describe(&self, archive: &str) -> String {
        match self {
            Self::Flag => format!("--mirror {archive}=URL: not given"),
            Self::Environment => format!("the variable {}: not set", variable(archive)),
            Self::Recipe => format!("the recipe's [rootfs.mirrors]: no `{archive}`"),
            Self::Config(path) => format!("{}, [mirrors]: no `{archive}`", path.display()),
        }
    }
}

pub(crate) fn from_flags(flags: &[String]) -> Result<Level> {
    let mut urls: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for flag in flags {
        let Some((name, url)) = flag.split_once('=') else {
            return Err(Error::user(format!("--mirror {flag} is not NAME=URL"))
                .hint("write it as `--mirror debian=URL`"));
        };
        let url = checked(url, &format!("--mirror {flag}"))?;
        urls.entry(name.to_owned()).or_default().push(url);
    }
    Ok(Level {
        place: Place::Flag,
        urls,
    })
}

pub(crate) fn from_environment(
    variables: impl IntoIterator<Item = (String, String)>,
) -> Result<Level> {
    let mut urls = BTreeMap::new();
    for (name, value) in variables {
        if let Some(archive) = name.strip_prefix("KINDLING_MIRROR_") {
            let archive = archive.to_lowercase().replace('_', "-");
            let list = value
                .split_whitespace()
                .map(|url| checked(url, &name))
                .collect::<Result<Vec<_>>>()?;
            if !list.is_empty() {
                urls.insert(archive, list);
            }
        }
    }
    Ok(Level {
        place: Place::Environment,
        urls,
    })
}

pub(crate) fn from_recipe(recipe: &BTreeMap<String, String>) -> Result<Level> {
    let urls = recipe
        .iter()
        .map(|(name, url)| {
            let url = checked(url, &format!("[rootfs.mirrors] {name} of the recipe"))?;
            Ok((name.clone(), vec![url]))
        })
        .collect::<Result<_>>()?;
    Ok(Level {
        place: Place::Recipe,
        urls,
    })
}

pub(crate) fn from_config(path: &Path) -> Result<Level> {
    let mirrors: BTreeMap<String, OneOrMany> = Config::read(path)?.table(Table::Mirrors)?;
    let mut urls = BTreeMap::new();
    for (name, list) in mirrors {
        let list = match list {
            OneOrMany::One(url) => vec![url],
            OneOrMany::Many(urls) => urls,
        };
        let place = format!("[mirrors] {name} of {}", path.display());
        let list = list
            .iter()
            .map(|url| checked(url, &place))
            .collect::<Result<Vec<_>>>()?;
        urls.insert(name, list);
    }
    Ok(Level {
        place: Place::Config(path.to_owned()),
        urls,
    })
}

/// The address without a slash at its end, if it is one that we can read.
fn checked(url: &str, place: &str) -> Result<String> {
    if ["http://", "https://", "file:///"]
        .iter()
        .any(|scheme| url.starts_with(scheme))
    {
        return Ok(url.trim_end_matches('/').to_owned());
    }
    Err(
        Error::user(format!("{place}: `{url}` is no address of a mirror"))
            .hint("it begins with http://, https:// or file:///"),
    )
}
