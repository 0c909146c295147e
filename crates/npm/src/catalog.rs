//! Packuments, each asked for once.

use std::collections::{BTreeMap, BTreeSet};

use kindling_base::{Result, parallel};
use kindling_fetch::{AT_ONCE, Client, GetError, all_failed};

use crate::packument::Packument;
use crate::registry::Registries;

/// Longest packument. Those of packages with thousands of versions have some ten million bytes.
const LONGEST: u64 = 256 << 20;

/// The form of a packument to ask for: only what an installation needs, or else the whole document.
const ACCEPT: &str = "application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*";

/// A registry's answer: the document and the registry's address; `None` if it has no such package.
pub(crate) type Answer = Option<(Vec<u8>, String)>;

/// The packuments that were asked for so far. `load` answers for one name, from several threads at a time.
pub(crate) struct Catalog<'a> {
    known: BTreeMap<String, Option<Packument>>,
    load: &'a (dyn Fn(&str) -> Result<Answer> + Sync),
}

impl<'a> Catalog<'a> {
    pub(crate) fn new(load: &'a (dyn Fn(&str) -> Result<Answer> + Sync)) -> Self {
        Self {
            known: BTreeMap::new(),
            load,
        }
    }

    /// Asks for those of `names` that are not known yet, several at a time.
    ///
    /// # Errors
    /// A registry cannot be reached or answers nonsense. A package that it does not have is not an error here.
    pub(crate) fn ensure(&mut self, names: &BTreeSet<String>) -> Result<()> {
        let missing: Vec<&String> = names
            .iter()
            .filter(|n| !self.known.contains_key(*n))
            .collect();
        let answers = parallel::each(&missing, AT_ONCE, |name| (self.load)(name))?;
        for (name, answer) in missing.into_iter().zip(answers) {
            let packument = match answer {
                Some((json, registry)) => Some(Packument::parse(name, &json, &registry)?),
                None => None,
            };
            self.known.insert(name.clone(), packument);
        }
        Ok(())
    }

    /// The packument of a package that [`Catalog::ensure`] asked for.
    pub(crate) fn get(&self, name: &str) -> Option<&Packument> {
        self.known.get(name)?.as_ref()
    }
}

/// Asks the registries for one package.
///
/// # Errors
/// No registry is configured or none can be reached.
pub(crate) fn ask(client: &Client, registries: &Registries, name: &str) -> Result<Answer> {
    let mut failures = Vec::new();
    for registry in registries.of(name)? {
        // The slash of a scope does not separate parts of the path.
        let url = format!("{registry}{}", name.replace('/', "%2f"));
        let mut headers = vec![("accept", ACCEPT)];
        headers.extend(
            registries
                .authorization(&url)
                .map(|value| ("authorization", value)),
        );
        match client.get_with(&url, &headers, LONGEST, || Ok(Vec::new())) {
            Ok(json) => return Ok(Some((json, registry))),
            Err(failure) => failures.push(failure),
        }
    }
    if failures.iter().all(GetError::is_missing) {
        return Ok(None);
    }
    Err(all_failed(
        &format!("what the registry has of {name}"),
        failures,
    ))
}
