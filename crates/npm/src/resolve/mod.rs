//! Resolves what a recipe asks for to the packages of a lock.
//!
//! Each package that is asked for gets a tree of its own, as `npm install --global` makes it: what it depends on goes
//! into its own `node_modules`, so that nothing lies beside it that nobody asked for and two programs never fight over a
//! version. Inside, versions are shared where they agree and nested where they do not.

mod build;
mod choice;

use std::collections::BTreeMap;

use kindling_base::{Error, Event, Reporter, Result};
use kindling_fetch::Client;
use kindling_npm_tree::LockedNpm;
use nodejs_semver::Version;

use crate::catalog::{self, Answer, Catalog};
use crate::ideal::Ideal;
use crate::packument::Preferences;
use crate::registry::Registries;
use crate::spec::Spec;

use build::build;
use choice::{Chosen, pick, unusable};

/// The packages to resolve, and what is there already.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Packages, each as [`Spec::requested`] reads it.
    pub packages: &'a [String],
    /// Packages of an earlier lock, which stay where they fit.
    pub pins: &'a [LockedNpm],
    /// Version of the image's Node.js, where another part of the recipe brings it: `20.19.2`.
    pub node: Option<&'a str>,
}

/// Asks the registries for the newest versions that fit, and for all that these depend on; sorted by path.
///
/// Packages that say they do not run on the image's Node.js are told as warnings, as npm does.
///
/// # Errors
/// A registry cannot be reached; a package or version does not exist; a package is in no registry (git, file), is for
/// another platform, or the registry has no SHA-512 of it.
pub fn resolve(
    request: &Request<'_>,
    client: &Client,
    registries: &Registries,
    reporter: &dyn Reporter,
) -> Result<Vec<LockedNpm>> {
    resolve_with(
        request,
        &|name| catalog::ask(client, registries, name),
        reporter,
    )
}

pub(crate) fn resolve_with(
    request: &Request<'_>,
    load: &(dyn Fn(&str) -> Result<Answer> + Sync),
    reporter: &dyn Reporter,
) -> Result<Vec<LockedNpm>> {
    let mut catalog = Catalog::new(load);
    let specs = request.packages.iter().map(|text| {
        let bad = || Error::user(format!("`{text}` names no package of a registry")).about(text);
        Spec::requested(text).ok_or_else(bad)
    });
    let specs: Vec<Spec> = specs.collect::<Result<_>>()?;
    catalog.ensure(&specs.iter().map(|spec| spec.name.clone()).collect())?;
    let mut preferences = Preferences {
        pins: pins(request.pins),
        node: request.node.and_then(|text| Version::parse(text).ok()),
    };
    let mut roots = roots(request, &specs, &catalog, &preferences)?;
    // A package with the command `node` is first on the PATH.
    let is_node = |root: &&Chosen| root.commands.iter().any(|command| command == "node");
    if let Some(node) = roots.iter().find(is_node) {
        preferences.node = Some(node.version.clone());
        roots = self::roots(request, &specs, &catalog, &preferences)?;
    }
    tell_older(&specs, &roots, &catalog, &preferences, reporter);
    let mut locked = Vec::new();
    for (root, asked) in roots.into_iter().zip(request.packages) {
        let tree = build(asked, root, &mut catalog, &preferences, reporter)?;
        locked.extend(self::locked(&tree, &preferences, reporter)?);
    }
    locked.sort_by(|a, b| a.path.cmp(&b.path));
    Ok(locked)
}

/// The packages that were asked for.
fn roots(
    request: &Request<'_>,
    specs: &[Spec],
    catalog: &Catalog<'_>,
    preferences: &Preferences,
) -> Result<Vec<Chosen>> {
    let root = |(spec, asked): (&Spec, &String)| {
        let picked = pick(catalog, spec, preferences);
        let picked = picked.and_then(|root| match unusable(&root) {
            Some(problem) => Err(problem),
            None => Ok(root),
        });
        picked.map_err(|reason| {
            Error::user(format!("npm: {reason}"))
                .about(asked)
                .hint("look at the name and the range in [npm] of the recipe")
        })
    };
    specs.iter().zip(request.packages).map(root).collect()
}

/// Tells which packages would be newer if the image had another Node.js.
fn tell_older(
    specs: &[Spec],
    roots: &[Chosen],
    catalog: &Catalog<'_>,
    preferences: &Preferences,
    reporter: &dyn Reporter,
) {
    let Some(node) = &preferences.node else {
        return;
    };
    let any_node = Preferences {
        node: None,
        ..preferences.clone()
    };
    for (spec, root) in specs.iter().zip(roots) {
        let newest = pick(catalog, spec, &any_node).ok();
        if let Some(newest) = newest.filter(|newest| newest.version > root.version) {
            reporter.report(Event::Note(format!(
                "npm: {} {} is taken and not {}, which wants node {}; the image has {node}",
                root.name,
                root.version,
                newest.version,
                newest.node.as_deref().unwrap_or_default(),
            )));
        }
    }
}

fn pins(locked: &[LockedNpm]) -> BTreeMap<String, Vec<Version>> {
    let mut pins: BTreeMap<String, Vec<Version>> = BTreeMap::new();
    for package in locked {
        let version = Version::parse(&package.version).ok();
        pins.entry(package.name.clone())
            .or_default()
            .extend(version);
    }
    pins
}

/// The packages of a tree as a lock pins them; a warning tells which do not run on the image's Node.js.
fn locked(
    tree: &Ideal,
    preferences: &Preferences,
    reporter: &dyn Reporter,
) -> Result<Vec<LockedNpm>> {
    let mut locked = Vec::new();
    let reachable = tree.reachable();
    for (id, node) in tree.present().filter(|(id, _)| reachable.contains(id)) {
        let manifest = &node.manifest;
        if !manifest.runs_on(preferences.node.as_ref()) {
            reporter.report(Event::Warning(format!(
                "npm: {} says it needs node {}, and the image has {}",
                tree.story(id),
                manifest.node.as_deref().unwrap_or_default(),
                preferences
                    .node
                    .as_ref()
                    .map(Version::to_string)
                    .unwrap_or_default(),
            )));
        }
        let unpinned = || Error::internal(format!("{} has no hash", manifest.name));
        locked.push(LockedNpm {
            path: tree.path(id),
            name: manifest.name.clone(),
            version: manifest.version.to_string(),
            integrity: manifest.integrity.clone().ok_or_else(unpinned)?,
            tarball: manifest.tarball.clone(),
            node: manifest.node.clone(),
        });
    }
    Ok(locked)
}

#[cfg(test)]
mod tests;
