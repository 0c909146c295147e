//! The registries of this machine: where `.crate` files are, and which addresses have the others. No address is written down
//! here.

use std::path::PathBuf;

use kindling_base::{Error, Result};
use kindling_fetch::{Client, all_failed};

use crate::finding::{At, Finding};
use crate::home::Places;
use crate::template::Template;

/// Longest `config.json` of an index; real ones have a hundred bytes.
const LONGEST: u64 = 64 << 10;

/// The registries of this machine, in the order in which they are asked.
#[derive(Clone, Debug, Default)]
pub struct Registries {
    /// Folders with files `NAME-VERSION.crate`.
    pub(crate) folders: Vec<PathBuf>,
    /// Places that named a registry, and the registry.
    registries: Vec<(String, At)>,
    /// Places without one, and the reason.
    pub(crate) tried: Vec<String>,
}

impl Registries {
    /// The registries of the user who runs this process; see [`Registries::find`].
    ///
    /// # Errors
    /// As [`Registries::find`].
    pub fn of_this_machine(named: std::result::Result<Vec<String>, Vec<String>>) -> Result<Self> {
        Self::find(named, &Places::of_this_machine())
    }

    /// The registries that `named` (mirrors called `crates`, each the address of a sparse index, or where they were looked
    /// for) and cargo tell. Files that cargo downloaded are taken whatever `named` says.
    ///
    /// Without a mirror, what cargo tells is asked in this order: the source that replaces its default one, registries
    /// with names, and those that it has used before.
    ///
    /// # Errors
    /// The value given for a mirror is not an address, or cargo's configuration cannot be read.
    pub fn find(
        named: std::result::Result<Vec<String>, Vec<String>>,
        places: &Places,
    ) -> Result<Self> {
        let mut found = Self {
            folders: places.downloaded(),
            ..Self::default()
        };
        match named {
            Ok(urls) => {
                for url in urls {
                    match Finding::sparse(&url, "the mirror `crates`") {
                        Finding::Nothing(problem) => {
                            return Err(Error::user(problem)
                                .hint("name a sparse index, such as `--mirror crates=URL`"));
                        }
                        finding => found.add(finding),
                    }
                }
            }
            Err(tried) => {
                found.tried = tried;
                let findings = places.configured()?.into_iter().chain(places.remembered());
                findings.for_each(|finding| found.add(finding));
            }
        }
        Ok(found)
    }

    fn add(&mut self, finding: Finding) {
        match finding {
            Finding::Registry { place, at } => self.registries.push((place, at)),
            Finding::Folder(folder) => self.folders.push(folder),
            Finding::Nothing(reason) => self.tried.push(reason),
        }
    }

    /// The addresses of downloads, tried in order, and what was tried in vain. Asks each index for its `config.json`.
    ///
    /// # Errors
    /// This machine cannot ask any server: it has no trusted certificates, for example.
    pub(crate) fn templates(&self, client: &Client) -> Result<(Vec<Template>, Vec<String>)> {
        let mut templates: Vec<Template> = Vec::new();
        let mut tried = self.tried.clone();
        for (place, at) in &self.registries {
            let template = match at {
                At::Downloads(template) => Ok(template.clone()),
                At::Index(url) => ask(client, url)?,
            };
            match template {
                Ok(template) if templates.contains(&template) => {}
                Ok(template) => templates.push(template),
                Err(problem) => tried.push(format!("{place}: {problem}")),
            }
        }
        Ok((templates, tried))
    }
}

/// The template of an index, or its problem.
fn ask(client: &Client, index: &str) -> Result<std::result::Result<Template, String>> {
    let url = format!("{index}/config.json");
    match client.get(&url, LONGEST, || Ok(Vec::new())) {
        Ok(config) => {
            let template = Template::read(&config, url.starts_with("file:"));
            Ok(template.map_err(|problem| format!("{url} {problem}")))
        }
        Err(failure) if failure.is_local() => Err(all_failed(&url, vec![failure])),
        Err(failure) => Ok(Err(failure.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// A home of cargo with this configuration, which has used a registry.
    fn home(config: &str) -> (tempfile::TempDir, Places) {
        let folder = tempfile::tempdir().unwrap();
        let used = folder.path().join("registry/index/used-1");
        fs::create_dir_all(&used).unwrap();
        fs::write(used.join("config.json"), r#"{"dl": "http://used.example"}"#).unwrap();
        fs::write(folder.path().join("config.toml"), config).unwrap();
        let places = Places {
            home: Some(folder.path().to_owned()),
            ..Places::default()
        };
        (folder, places)
    }

    fn addresses(found: &Registries) -> Vec<String> {
        let address = |(_, at): &(String, At)| match at {
            At::Index(url) => url.clone(),
            At::Downloads(template) => format!("{template:?}"),
        };
        found.registries.iter().map(address).collect()
    }

    const REPLACED: &str = "[source.crates-io]\nreplace-with = \"m\"\n\
        [source.m]\nregistry = \"sparse+http://m.example/\"\n\
        [registries.own]\nindex = \"sparse+http://own.example/\"\n";

    #[test]
    fn without_a_mirror_cargo_is_asked_from_its_configuration_to_its_memory() {
        let (_folder, places) = home(REPLACED);
        let found = Registries::find(Err(vec!["--mirror: not given".into()]), &places).unwrap();
        assert_eq!(
            addresses(&found),
            [
                "http://m.example",
                "http://own.example",
                r#"Template("http://used.example")"#
            ]
        );
        assert_eq!(found.tried, ["--mirror: not given"]);
    }

    #[test]
    fn a_mirror_wins_over_all_that_cargo_tells() {
        let (_folder, places) = home(REPLACED);
        let named = ["http://a.example/", "sparse+http://b.example"].map(str::to_owned);
        let found = Registries::find(Ok(named.to_vec()), &places).unwrap();
        assert_eq!(addresses(&found), ["http://a.example", "http://b.example"]);
        let report = Registries::find(Ok(vec!["a.example".into()]), &places)
            .unwrap_err()
            .report();
        assert_eq!(
            report,
            "error: the mirror `crates`: `a.example` is no address of a sparse index\n\
             hint: name a sparse index, such as `--mirror crates=URL`"
        );
    }
}
