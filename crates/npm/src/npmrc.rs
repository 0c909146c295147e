//! npm's configuration: the environment and the `.npmrc` files, as npm reads them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use kindling_base::{Result, files};

/// One place that configures npm, and what it says.
#[derive(Clone, Debug)]
pub(crate) struct Level {
    /// Where, for a person.
    pub(crate) place: String,
    /// Keys and values.
    pub(crate) values: BTreeMap<String, String>,
}

/// The places of npm's configuration.
#[derive(Clone, Debug, Default)]
pub struct Places {
    /// Environment variables.
    pub environment: BTreeMap<String, String>,
    /// The project's folder.
    pub project: Option<PathBuf>,
    /// The user's home.
    pub home: Option<PathBuf>,
    /// Files for all users of the machine, in order.
    pub global: Vec<PathBuf>,
}

impl Places {
    /// Those of this machine and of `project`.
    pub fn of_this_machine(project: &Path) -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        let environment = std::env::vars_os().filter_map(text).collect();
        let path = std::env::var_os("PATH").unwrap_or_default();
        // npm's prefix is two folders above node's program.
        let node = std::env::split_paths(&path).map(|folder| folder.join("node"));
        let node = node.filter_map(|node| node.canonicalize().ok()).next();
        let prefix = node.as_deref().and_then(|n| n.parent()?.parent());
        let mut global: Vec<PathBuf> = prefix.map(|p| p.join("etc/npmrc")).into_iter().collect();
        global.push("/etc/npmrc".into());
        Self {
            environment,
            project: Some(project.to_owned()),
            home: std::env::var_os("HOME").map(PathBuf::from),
            global,
        }
    }

    /// Reads the places in the order in which they win: environment, project, user, machine.
    ///
    /// # Errors
    /// A file is there and cannot be read.
    pub(crate) fn read(&self) -> Result<Vec<Level>> {
        let environment = from_environment(&self.environment);
        let user = (environment.get("userconfig").map(PathBuf::from))
            .or_else(|| Some(self.home.as_ref()?.join(".npmrc")));
        let global = match environment.get("globalconfig") {
            Some(path) => vec![PathBuf::from(path)],
            None => self.global.clone(),
        };
        let project = self.project.as_ref().map(|folder| folder.join(".npmrc"));
        let mut levels = vec![Level {
            place: "the variable npm_config_registry".into(),
            values: environment,
        }];
        for path in project.into_iter().chain(user).chain(global) {
            let values = match path.is_file() {
                true => parse(&files::read_text(&path)?, &self.environment),
                false => BTreeMap::new(),
            };
            levels.push(Level {
                place: path.display().to_string(),
                values,
            });
        }
        Ok(levels)
    }
}

/// `npm_config_user_agent` is `user-agent`; keys of one registry, which begin with `//`, stay as they are.
fn from_environment(variables: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    const PREFIX: &str = "npm_config_";
    let key = |name: &str| {
        let prefix = name.get(..PREFIX.len())?;
        let key = &name[PREFIX.len()..];
        if !prefix.eq_ignore_ascii_case(PREFIX) || key.is_empty() {
            return None;
        }
        if key.starts_with("//") {
            return Some(key.to_owned());
        }
        let hidden = if key.starts_with('_') { "_" } else { "" };
        let rest = key[hidden.len()..].replace('_', "-").to_lowercase();
        Some(format!("{hidden}{rest}"))
    };
    let set = variables.iter().filter(|(_, value)| !value.is_empty());
    set.filter_map(|(name, value)| Some((key(name)?, value.clone())))
        .collect()
}

/// Lines `key = value`; `;` and `#` begin comments; `${NAME}` is a variable. Of a list the last entry stays.
fn parse(text: &str, environment: &BTreeMap<String, String>) -> BTreeMap<String, String> {
    let mut values = BTreeMap::new();
    for line in text.lines().map(str::trim) {
        if line.is_empty() || line.starts_with([';', '#', '[']) {
            continue;
        }
        // A key without a value is switched on.
        let (key, value) = line.split_once('=').unwrap_or((line, "true"));
        let key = expand(unquoted(key).trim_end_matches("[]"), environment);
        values.insert(key, expand(unquoted(value), environment));
    }
    values
}

/// Without blanks, quotes, and a comment that follows.
fn unquoted(text: &str) -> &str {
    let text = text.trim();
    for quote in ['"', '\''] {
        let inner = text.strip_prefix(quote);
        if let Some((inner, _)) = inner.and_then(|inner| inner.rsplit_once(quote)) {
            return inner;
        }
    }
    let end = text.find([';', '#']).unwrap_or(text.len());
    text[..end].trim_end()
}

/// `${NAME}` stays as it is where the variable is not set, `${NAME?}` becomes nothing.
fn expand(text: &str, environment: &BTreeMap<String, String>) -> String {
    let mut expanded = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        expanded.push_str(before);
        let Some((name, after)) = after.split_once('}') else {
            expanded.push_str("${");
            rest = after;
            continue;
        };
        let plain = name.strip_suffix('?').unwrap_or(name);
        match environment.get(plain) {
            Some(value) => expanded.push_str(value),
            None if plain.len() < name.len() => {}
            None => expanded.push_str(&format!("${{{name}}}")),
        }
        rest = after;
    }
    expanded + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn environment(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        pairs.iter().map(own).collect()
    }

    #[test]
    fn files_are_read_as_npm_reads_them() {
        let text = "; comment\n# too\nregistry = http://a.example/ ; why\n@x:registry='http://b.example'\n\
                    //b.example/:_authToken=${TOKEN}\nother=${NO}${NO?}\nflag\nca[]=\"one\"\nca[]=two\n[section]\n";
        let values = parse(text, &environment(&[("TOKEN", "s3cret")]));
        let shown: Vec<String> = values.iter().map(|(k, v)| format!("{k} = {v}")).collect();
        insta::assert_snapshot!(shown.join("\n"), @r"
        //b.example/:_authToken = s3cret
        @x:registry = http://b.example
        ca = two
        flag = true
        other = ${NO}
        registry = http://a.example/
        ");
    }

    #[test]
    fn variables_are_named_as_npm_names_them() {
        let read = from_environment(&environment(&[
            ("NPM_CONFIG_REGISTRY", "http://a.example"),
            ("npm_config__auth", "x"),
            ("npm_config_//a.example/:_authToken", "y"),
            ("npm_config_empty", ""),
            ("NPM", "z"),
        ]));
        let keys: Vec<&str> = read.keys().map(String::as_str).collect();
        assert_eq!(keys, ["//a.example/:_authToken", "_auth", "registry"]);
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(text in "([a-z@:/${}?=;#\"' \n\u{e9}\\[\\]]|\\PC){0,60}") {
            let _ = parse(&text, &BTreeMap::new());
        }

        #[test]
        fn a_plain_value_comes_back(key in "[a-z@:/_-]{1,12}", value in "[a-zA-Z0-9:/._-]{1,20}") {
            let read = parse(&format!("{key}={value}\n"), &BTreeMap::new());
            prop_assert_eq!(read.get(&key), Some(&value));
        }
    }
}
