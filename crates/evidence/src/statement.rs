//! A statement of origin, read back: enough to build the bundle again.

use std::collections::BTreeMap;
use std::path::Path;

use kindling_base::{Error, Result, files};
use serde::Deserialize;

use crate::PROVENANCE;

/// The origin that a bundle claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// Name of the recipe.
    pub recipe: String,
    /// SHA-256 of each file of the project that it names, by path: the recipe, locks, keyrings.
    pub files: BTreeMap<String, String>,
    /// Keys of the stages, by name.
    pub stages: BTreeMap<String, String>,
}

/// The parts of the file that count here.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    predicate: Predicate,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Predicate {
    build_definition: Definition,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Definition {
    external_parameters: External,
    internal_parameters: Internal,
    resolved_dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct External {
    recipe: String,
}

#[derive(Deserialize)]
struct Internal {
    stages: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Dependency {
    name: Option<String>,
    #[serde(default)]
    digest: BTreeMap<String, String>,
}

impl Statement {
    /// Reads the statement in a bundle's folder.
    ///
    /// # Errors
    /// It is missing, or no statement that Kindling wrote.
    pub fn read(bundle: &Path) -> Result<Self> {
        let path = bundle.join(PROVENANCE);
        if !path.is_file() {
            let problem = format!("{} has no {PROVENANCE}", bundle.display());
            return Err(Error::user(problem).hint("only a bundle with evidence can be built again"));
        }
        Self::parse(&files::read(&path)?).map_err(|error| {
            Error::user(format!("{} does not parse", path.display())).because(error)
        })
    }

    fn parse(bytes: &[u8]) -> serde_json::Result<Self> {
        let definition = serde_json::from_slice::<File>(bytes)?
            .predicate
            .build_definition;
        let named = definition.resolved_dependencies.into_iter();
        Ok(Self {
            recipe: definition.external_parameters.recipe,
            files: named
                .filter_map(|mut one| Some((one.name?, one.digest.remove("sha256")?)))
                .collect(),
            stages: definition.internal_parameters.stages,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn files_and_stages_are_read() {
        let text = r#"{"predicate": {"buildDefinition": {"externalParameters": {"recipe": "a", "epoch": 1},
            "internalParameters": {"stages": {"kernel": "k"}},
            "resolvedDependencies": [{"uri": "pkg:deb/debian/x@1", "digest": {"sha256": "00"}},
                                     {"name": "recipes/a.lock", "digest": {"sha256": "11"}}]}}}"#;
        let statement = Statement::parse(text.as_bytes()).unwrap();
        assert_eq!(statement.recipe, "a");
        assert_eq!(statement.stages["kernel"], "k");
        let expected = BTreeMap::from([("recipes/a.lock".to_owned(), "11".to_owned())]);
        assert_eq!(statement.files, expected);
    }

    proptest! {
        #[test]
        fn bytes_of_others_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = Statement::parse(&bytes);
        }
    }
}
