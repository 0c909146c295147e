//! Packages of npm: registries, the lock's part of them, and the Node.js that they will find.

use kindling_base::{Reporter, Result};
use kindling_deb::LockedPackage;
use kindling_debian::Mirrors;
use kindling_fetch::Client;
use kindling_npm::{Places, Registries, Request, ask_npm};
use kindling_npm_tree::LockedNpm;

use crate::resolve::Sources;
use kindling_recipe::Recipe;

/// The .deb that has the command `node`, in Debian, Ubuntu and vendors' archives alike.
const NODEJS: &str = "nodejs";

/// The registries of npm: mirrors called `npm` first, then npm's own configuration.
///
/// # Errors
/// A file of npm's configuration cannot be read, or has an address that is none.
pub(crate) fn registries(mirrors: &Mirrors, sources: &Sources<'_>) -> Result<Registries> {
    let places = Places::of_this_machine(sources.project.root());
    Registries::find(mirrors.named_or_tried("npm"), &places, ask_npm)
}

/// Packages of npm for a lock; none where the recipe asks for none. `debs` may bring Node.js.
///
/// # Errors
/// As [`kindling_npm::resolve`].
pub(crate) fn resolve(
    recipe: &Recipe,
    debs: &[LockedPackage],
    pins: &[LockedNpm],
    mirrors: &Mirrors,
    sources: &Sources<'_>,
    reporter: &dyn Reporter,
) -> Result<Vec<LockedNpm>> {
    if recipe.npm.packages.is_empty() {
        return Ok(Vec::new());
    }
    let asked = recipe.npm.packages.iter().map(|item| item.value.clone());
    let packages: Vec<String> = asked.collect();
    let request = Request {
        packages: &packages,
        pins,
        node: node(debs),
    };
    let registries = registries(mirrors, sources)?;
    kindling_npm::resolve(&request, &Client::default(), &registries, reporter)
        .map_err(|error| recipe.locate(error, recipe.npm.packages.iter()))
}

/// Node.js's own version in a .deb's: `18.20.4+dfsg-1~deb12u1` is 18.20.4.
fn node(debs: &[LockedPackage]) -> Option<&str> {
    let nodejs = debs.iter().find(|package| package.name == NODEJS)?;
    let version = nodejs
        .version
        .split_once(':')
        .map_or(nodejs.version.as_str(), |(_, v)| v);
    let end = version.find(|c: char| !c.is_ascii_digit() && c != '.');
    Some(&version[..end.unwrap_or(version.len())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_debs_version_tells_that_of_node() {
        let node = |version: &str| {
            let package = LockedPackage {
                name: NODEJS.into(),
                version: version.into(),
                architecture: "amd64".into(),
                size: 1,
                sha256: String::new(),
                path: String::new(),
                suite: String::new(),
                layer: 0,
            };
            super::node(&[package]).map(str::to_owned)
        };
        assert_eq!(node("18.20.4+dfsg-1~deb12u1").as_deref(), Some("18.20.4"));
        assert_eq!(node("1:22.11.0-1nodesource1").as_deref(), Some("22.11.0"));
        assert_eq!(super::node(&[]), None);
    }
}
