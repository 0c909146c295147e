//! Cargo's home: the files that it downloaded, and the registries that it used.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kindling_base::{files, folders};

use crate::finding::{At, Finding};
use crate::template::Template;

/// The places in which cargo keeps what it knows of registries.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// Cargo's home folder.
    pub home: Option<PathBuf>,
    /// Variables of the environment; only `CARGO_REGISTRIES_NAME_INDEX` are looked at.
    pub environment: BTreeMap<String, String>,
}

impl Places {
    /// Those of the user who runs this process: `$CARGO_HOME`, else `~/.cargo`, and the environment.
    pub fn of_this_machine() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            home: folders::named("CARGO_HOME")
                .or_else(|| Some(folders::named("HOME")?.join(".cargo"))),
            environment: std::env::vars_os().filter_map(text).collect(),
        }
    }

    /// Folders with the `.crate` files that cargo downloaded, one a registry.
    pub(crate) fn downloaded(&self) -> Vec<PathBuf> {
        let cache = |home: &PathBuf| files::list(&home.join("registry/cache")).ok();
        let folders = self.home.as_ref().and_then(cache).unwrap_or_default();
        folders.into_iter().filter(|path| path.is_dir()).collect()
    }

    /// The registries that cargo used, by the `config.json` that it keeps of each.
    pub(crate) fn remembered(&self) -> Vec<Finding> {
        let Some(home) = &self.home else {
            let nothing = "cargo's home: neither CARGO_HOME nor HOME is set";
            return vec![Finding::Nothing(nothing.into())];
        };
        let folder = home.join("registry/index");
        let indices = files::list(&folder).unwrap_or_default();
        let configs = indices.iter().map(|index| index.join("config.json"));
        let found: Vec<Finding> = configs
            .filter(|path| path.is_file())
            .map(|path| read(&path))
            .collect();
        if found.is_empty() {
            let nothing = format!(
                "{}: cargo has used no registry with a sparse index",
                folder.display()
            );
            return vec![Finding::Nothing(nothing)];
        }
        found
    }
}

fn read(path: &Path) -> Finding {
    let config = files::read(path).map_err(|_| "cannot be read".to_owned());
    let template = config.and_then(|config| Template::read(&config, true));
    let place = path.display().to_string();
    match template {
        Ok(template) => Finding::Registry {
            place,
            at: At::Downloads(template),
        },
        Err(problem) => Finding::Nothing(format!("{place}: {problem}")),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn what_cargo_used_is_found_in_its_home() {
        let home = tempfile::tempdir().unwrap();
        let places = Places {
            home: Some(home.path().to_owned()),
            environment: BTreeMap::new(),
        };
        assert_eq!(places.downloaded(), [""; 0].map(PathBuf::from));
        assert!(
            matches!(&places.remembered()[..], [Finding::Nothing(text)] if text.ends_with("cargo has used no registry with a sparse index"))
        );
        for (index, config) in [
            ("a-1", Some(r#"{"dl": "http://a.example/dl"}"#)),
            ("b-2", Some("<html>")),
            ("git-3", None),
        ] {
            let folder = home.path().join("registry/index").join(index);
            fs::create_dir_all(&folder).unwrap();
            if let Some(text) = config {
                fs::write(folder.join("config.json"), text).unwrap();
            }
            fs::create_dir_all(home.path().join("registry/cache").join(index)).unwrap();
        }
        fs::write(home.path().join("registry/cache/CACHEDIR.TAG"), "").unwrap();
        assert_eq!(places.downloaded().len(), 3);
        let shown: Vec<String> = places
            .remembered()
            .iter()
            .map(|f| format!("{f:?}"))
            .collect();
        assert_eq!(shown.len(), 2, "{shown:?}");
        assert!(shown[0].contains("http://a.example/dl"), "{shown:?}");
        assert!(
            shown[1].contains("is no configuration of an index"),
            "{shown:?}"
        );
    }

    #[test]
    fn a_machine_without_a_home_is_told() {
        let found = Places::default().remembered();
        assert!(matches!(&found[..], [Finding::Nothing(text)] if text.contains("CARGO_HOME")));
    }
}
