//! Lists of build tools: `tools/NAME.toml`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kindling_base::{Error, Result};
use kindling_located::{Located, into_error};

use crate::name::{FILE, PACKAGE, PLAIN};
use crate::reader::Reader;
use crate::tree;

/// Packages of a distribution that are the root of a build: its compilers, its shell, its libraries.
#[derive(Clone, Debug)]
pub struct ToolsSpec {
    /// The file's name without `.toml`.
    pub name: String,
    /// The file itself.
    pub path: PathBuf,
    /// Name that mirrors go by: `debian`.
    pub distribution: Located<String>,
    /// Suites of the archive.
    pub suites: Vec<Located<String>>,
    /// Components of each suite.
    pub components: Vec<Located<String>>,
    /// Name of a keyring beside the recipes, with the archive's keys.
    pub keyring: Located<String>,
    /// Packages asked for; what they depend on and what is essential comes with them.
    pub packages: Vec<Located<String>>,
    /// Names in `/usr/bin` that scripts of the packages would link, each with what it is a link to: no script runs.
    pub links: BTreeMap<String, String>,
}

impl ToolsSpec {
    /// Points an error that is about one of these values at its place, and another error at the file.
    pub fn locate(&self, error: Error) -> Error {
        let lists = [&self.suites, &self.components, &self.packages];
        let mut values = lists.into_iter().flatten();
        match values.find(|value| error.subject() == Some(value.value.as_str())) {
            Some(value) => value.locate(error),
            None => error.within(self.path.display()),
        }
    }
}

/// Reads a list of tools.
///
/// # Errors
/// The file cannot be read, or there are mistakes in it; all of them are in the one user error.
pub fn load(path: &Path) -> Result<ToolsSpec> {
    let mut problems = Vec::new();
    let (start, table) = tree::read(path)?;
    let mut reader = Reader::new("", start, table, &mut problems);
    let tools = reader.table("tools", |reader| decode(path, reader));
    reader.finish();
    match tools {
        Some(tools) if problems.is_empty() => Ok(tools),
        _ => Err(into_error(path, problems)),
    }
}

fn decode(path: &Path, mut reader: Reader<'_>) -> Option<ToolsSpec> {
    let distribution =
        reader.required("distribution", "\"debian\"", |r, key| r.string(key, &PLAIN));
    let suites = reader.required("suites", "[\"trixie\"]", |r, key| r.list(key, &PLAIN, 1));
    let components = reader.required("components", "[\"main\"]", |r, key| r.list(key, &PLAIN, 1));
    let keyring = reader.required("keyring", "\"debian-13\"", |r, key| r.string(key, &PLAIN));
    let packages = reader.required("packages", "[\"gcc\"]", |r, key| r.list(key, &PACKAGE, 1));
    let links = reader.table("links", |r| Some(r.strings(&FILE, &FILE)));
    reader.finish();
    let links = links?.into_iter();
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    Some(ToolsSpec {
        name: stem.into_owned(),
        path: path.to_owned(),
        distribution: distribution?,
        suites: suites?,
        components: components?,
        keyring: keyring?,
        packages: packages?,
        links: links.map(|(name, to)| (name, to.value)).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "[tools]\ndistribution = \"debian\"\nsuites = [\"trixie\"]\ncomponents = [\"main\"]\n\
                        keyring = \"debian-13\"\npackages = [\"gcc\"]\nlinks = { awk = \"mawk\" }\n";

    fn parse(text: &str) -> Result<ToolsSpec> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("linux.toml");
        std::fs::write(&path, text).unwrap();
        load(&path)
    }

    #[test]
    fn a_list_is_read() {
        let tools = parse(GOOD).unwrap();
        assert_eq!(tools.name, "linux");
        assert_eq!(tools.packages[0].value, "gcc");
        assert_eq!(tools.links["awk"], "mawk");
    }

    #[test]
    fn every_mistake_has_its_place() {
        let text = GOOD
            .replace("suites", "suits")
            .replace("\"mawk\"", "\"../mawk\"");
        let report = parse(&text).unwrap_err().report();
        for part in [
            "unknown key `suits` in [tools]",
            "did you mean `suites`?",
            "`awk` cannot be \"../mawk\"",
        ] {
            assert!(report.contains(part), "{part}: {report}");
        }
    }
}
