//! The registry of each package, and the credentials that it asks for. No address is written down here.

use std::collections::BTreeMap;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use kindling_base::{Command, Error, Result};

use crate::npmrc::{Level, Places};

/// The registries of this machine.
#[derive(Clone, Debug)]
pub struct Registries {
    /// Addresses of the one for packages without a scope of its own, tried in order; or what was tried to find one.
    default: std::result::Result<Vec<String>, Vec<String>>,
    /// Addresses by scope, `@` included.
    scopes: BTreeMap<String, String>,
    /// Values of `Authorization` by the beginning of an address without its scheme: `//host/path/`.
    credentials: BTreeMap<String, String>,
}

impl Registries {
    /// The registries that `named` (mirrors called `npm`, or where they were looked for) and npm's configuration tell.
    /// The last resort is npm itself, which is asked for the registry that it would use.
    ///
    /// A scope's own registry is used whatever `named` says, as npm does with `--registry`.
    ///
    /// # Errors
    /// A file of npm's configuration cannot be read or has a malformed address.
    pub fn find(
        named: std::result::Result<Vec<String>, Vec<String>>,
        places: &Places,
        ask_npm: impl FnOnce() -> Option<String>,
    ) -> Result<Self> {
        let levels = places.read()?;
        let default = match named {
            Ok(urls) => Ok(urls.iter().map(|url| with_slash(url)).collect()),
            Err(tried) => configured(&levels, tried, ask_npm)?,
        };
        let mut scopes = BTreeMap::new();
        let mut credentials = BTreeMap::new();
        for level in levels.iter().rev() {
            for (key, value) in &level.values {
                if let Some(scope) = key.strip_suffix(":registry").filter(|s| s.starts_with('@')) {
                    scopes.insert(scope.to_owned(), address(value, &level.place)?);
                } else if let Some((registry, field)) = credential(key) {
                    let value = authorization(field, value, level, registry);
                    credentials.extend(value.map(|value| (with_slash(registry), value)));
                }
            }
        }
        Ok(Self {
            default,
            scopes,
            credentials,
        })
    }

    /// The addresses at which to ask for a package, each with a slash at its end, tried in order.
    ///
    /// # Errors
    /// No registry is configured; the error lists what was tried.
    pub fn of(&self, package: &str) -> Result<Vec<String>> {
        let scope = package.split_once('/').map(|(scope, _)| scope);
        if let Some(url) = scope.and_then(|scope| self.scopes.get(scope)) {
            return Ok(vec![url.clone()]);
        }
        self.default.clone().map_err(|tried| {
            let error = Error::user("no registry of npm packages is known");
            let tried = tried.iter();
            tried
                .fold(error, |error, one| error.note(format!("tried {one}")))
                .hint("name one with `--mirror npm=URL`, or set `registry` in ~/.npmrc")
        })
    }

    /// The value of `Authorization` for an address, if its registry wants one.
    pub(crate) fn authorization(&self, url: &str) -> Option<&str> {
        let bare = url.split_once(':').map(|(_, bare)| bare)?;
        let fitting = self
            .credentials
            .iter()
            .filter(|(at, _)| bare.starts_with(at.as_str()));
        let longest = fitting.max_by_key(|(at, _)| at.len());
        longest.map(|(_, value)| value.as_str())
    }
}

/// The registry that the npm on this machine uses, which it knows without being told.
pub fn ask_npm() -> Option<String> {
    let output = Command::new("npm")
        .args(["config", "get", "registry"])
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| output.text().trim().to_owned())
}

type Found = std::result::Result<Vec<String>, Vec<String>>;

fn configured(
    levels: &[Level],
    mut tried: Vec<String>,
    ask_npm: impl FnOnce() -> Option<String>,
) -> Result<Found> {
    for level in levels {
        if let Some(url) = level.values.get("registry") {
            return Ok(Ok(vec![address(url, &level.place)?]));
        }
        tried.push(format!("{}: no `registry`", level.place));
    }
    match ask_npm() {
        Some(url) => Ok(Ok(vec![address(&url, "`npm config get registry`")?])),
        None => {
            tried.push("`npm config get registry`: npm is not on this machine".into());
            Ok(Err(tried))
        }
    }
}

fn address(url: &str, place: &str) -> Result<String> {
    if url.starts_with("http://") || url.starts_with("https://") {
        return Ok(with_slash(url));
    }
    Err(
        Error::user(format!("{place}: `{url}` is no address of a registry"))
            .hint("it begins with http:// or https://"),
    )
}

fn with_slash(url: &str) -> String {
    format!("{}/", url.trim_end_matches('/'))
}

/// `//host/path/:_authToken` in two.
fn credential(key: &str) -> Option<(&str, &str)> {
    let (registry, field) = key.rsplit_once(':')?;
    registry.starts_with("//").then_some((registry, field))
}

fn authorization(field: &str, value: &str, level: &Level, registry: &str) -> Option<String> {
    match field {
        "_authToken" => Some(format!("Bearer {value}")),
        "_auth" => Some(format!("Basic {value}")),
        // npm keeps the password in base64.
        "_password" => {
            let user = level.values.get(&format!("{registry}:username"))?;
            let password = BASE64_STANDARD.decode(value).ok()?;
            let pair = [user.as_bytes(), b":", &password].concat();
            Some(format!("Basic {}", BASE64_STANDARD.encode(pair)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(user: &str, variables: &[(&str, &str)]) -> (tempfile::TempDir, Places) {
        let home = tempfile::tempdir().unwrap();
        std::fs::write(home.path().join(".npmrc"), user).unwrap();
        let environment = variables
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        let places = Places {
            environment: environment.collect(),
            home: Some(home.path().to_owned()),
            global: vec![home.path().join("global")],
            project: None,
        };
        (home, places)
    }

    fn find(named: Found, places: &Places, npm: Option<&str>) -> Registries {
        Registries::find(named, places, || npm.map(str::to_owned)).unwrap()
    }

    #[test]
    fn the_first_place_that_names_a_registry_wins() {
        let (_home, mut places) = places(
            "registry=http://user.example\n@x:registry=http://x.example/npm\n",
            &[("npm_config_registry", "http://env.example")],
        );
        let named = || Ok(vec!["http://flag.example".to_owned()]);
        let of = |registries: Registries| registries.of("a").unwrap().concat();
        assert_eq!(of(find(named(), &places, None)), "http://flag.example/");
        assert_eq!(of(find(Err(vec![]), &places, None)), "http://env.example/");
        places.environment.clear();
        assert_eq!(of(find(Err(vec![]), &places, None)), "http://user.example/");
        let scoped = find(named(), &places, None).of("@x/a").unwrap();
        assert_eq!(scoped, ["http://x.example/npm/"]);
        places.home = None;
        let npm = Some("http://npm.example/");
        assert_eq!(of(find(Err(vec![]), &places, npm)), "http://npm.example/");
    }

    #[test]
    fn an_error_lists_everything_that_was_tried() {
        let (home, places) = places("", &[]);
        let tried = vec!["--mirror npm=URL: not given".to_owned()];
        let error = find(Err(tried), &places, None).of("a").unwrap_err();
        let report = error
            .report()
            .replace(&home.path().display().to_string(), "HOME");
        insta::assert_snapshot!(report, @r"
        error: no registry of npm packages is known
          tried --mirror npm=URL: not given
          tried the variable npm_config_registry: no `registry`
          tried HOME/.npmrc: no `registry`
          tried HOME/global: no `registry`
          tried `npm config get registry`: npm is not on this machine
        hint: name one with `--mirror npm=URL`, or set `registry` in ~/.npmrc
        ");
    }

    #[test]
    fn credentials_go_to_their_registry_only() {
        let text = "//a.example/:_authToken=t\n//a.example/deep/:_auth=dTpw\n//b.example/:username=u\n//b.example/:_password=cA==\n";
        let (_home, places) = places(text, &[]);
        let registries = find(Err(vec![]), &places, None);
        let sent = |url| {
            registries
                .authorization(url)
                .unwrap_or("nothing")
                .to_owned()
        };
        assert_eq!(sent("https://a.example/x"), "Bearer t");
        assert_eq!(sent("https://a.example/deep/x"), "Basic dTpw");
        assert_eq!(sent("https://b.example/x"), "Basic dTpw");
        assert_eq!(sent("https://a.example.evil/x"), "nothing");
    }

    #[test]
    fn what_is_no_address_is_named_with_its_place() {
        let (_home, places) = places("registry=ftp://x\n", &[]);
        let error = Registries::find(Err(vec![]), &places, || None).unwrap_err();
        assert!(
            error.report().contains(".npmrc: `ftp://x` is no address"),
            "{}",
            error.report()
        );
    }
}
