//! From what a recipe asks for to the packages of a lock.
//!
//! Each package that is asked for gets a tree of its own, as `npm install --global` makes it: what it depends on goes
//! into its own `node_modules`, so that nothing lies beside it that nobody asked for and two programs never fight over a
//! version. Inside, versions are shared where they agree and nested where they do not.

use std::collections::{BTreeMap, BTreeSet};

use kindling_base::{Error, Event, Reporter, Result};
use kindling_fetch::Client;
use kindling_npm_tree::LockedNpm;
use nodejs_semver::Version;

use crate::catalog::{self, Answer, Catalog};
use crate::ideal::{Edge, Id, Ideal, ROOT};
use crate::manifest::{Manifest, NeedKind};
use crate::packument::Preferences;
use crate::place::{Placement, place};
use crate::registry::Registries;
use crate::spec::Spec;

/// What is asked for.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// Packages, each as [`Spec::requested`] reads it.
    pub packages: &'a [String],
    /// What an earlier lock has and may stay.
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
    let is_node = |root: &&Manifests| root.commands.iter().any(|command| command == "node");
    if let Some(node) = roots.iter().find(is_node) {
        preferences.node = Some(node.version.clone());
        roots = self::roots(request, &specs, &catalog, &preferences)?;
    }
    tell_older(&specs, &roots, &catalog, &preferences, reporter);
    let mut locked = Vec::new();
    for (root, asked) in roots.into_iter().zip(request.packages) {
        let tree = build(asked, root, &mut catalog, &preferences, reporter)?;
        locked.extend(lock(&tree, &preferences, reporter)?);
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
) -> Result<Vec<Manifests>> {
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
    roots: &[Manifests],
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

type Manifests = std::rc::Rc<Manifest>;

fn pick(
    catalog: &Catalog<'_>,
    spec: &Spec,
    preferences: &Preferences,
) -> Result<Manifests, String> {
    let Some(packument) = catalog.get(&spec.name) else {
        return Err(format!("the registry has no package {}", spec.name));
    };
    packument
        .pick(spec, preferences)
        .ok_or_else(|| format!("no version fits {spec}: {}", packument.shown()))
}

/// Why a package cannot be installed at all.
fn unusable(manifest: &Manifest) -> Option<String> {
    let shown = format!("{} {}", manifest.name, manifest.version);
    if !manifest.platforms.fit() {
        return Some(format!(
            "{shown} is for {}, not for linux x64 glibc",
            manifest.platforms.shown()
        ));
    }
    if manifest.integrity.is_none() {
        return Some(format!(
            "the registry has no SHA-512 of {shown}, so that it cannot be pinned"
        ));
    }
    None
}

/// What cannot be had: a dependency of a node, and why.
struct Missing {
    from: Id,
    name: String,
    reason: String,
}

/// Dependencies that are left out: whose (name and version), and which.
type Excluded = BTreeMap<(String, String), BTreeSet<String>>;

/// The tree of one package. An optional dependency that cannot be had, or whose own dependencies cannot, is left out and
/// the tree put together again without it.
fn build(
    asked: &str,
    root: Manifests,
    catalog: &mut Catalog<'_>,
    preferences: &Preferences,
    reporter: &dyn Reporter,
) -> Result<Ideal> {
    let mut excluded = Excluded::new();
    loop {
        let mut notes = Vec::new();
        let (tree, missing) = attempt(root.clone(), catalog, preferences, &excluded, &mut notes)?;
        let Some(missing) = missing else {
            for note in notes {
                reporter.report(Event::Warning(note));
            }
            return Ok(tree);
        };
        let Some((of, name)) = optional_ancestor(&tree, &missing) else {
            let story = tree.story(missing.from);
            return Err(Error::user(format!("npm: {}", missing.reason))
                .note(format!("needed by {story}"))
                .about(asked)
                .hint("ask for another version of the package in [npm] of the recipe"));
        };
        let manifest = &tree.nodes[of].manifest;
        let key = (manifest.name.clone(), manifest.version.to_string());
        excluded.entry(key).or_default().insert(name);
    }
}

/// The nearest optional dependency on the way to what is missing.
fn optional_ancestor(tree: &Ideal, missing: &Missing) -> Option<(Id, String)> {
    let mut at = (missing.from, missing.name.clone());
    loop {
        let edge = tree.nodes[at.0].edges.get(&at.1)?;
        if edge.kind == NeedKind::Optional {
            return Some(at);
        }
        at = tree.nodes[at.0].brought_by.clone()?;
    }
}

/// Puts a tree together breadth first, until every dependency leads somewhere or one cannot be had.
fn attempt(
    root: Manifests,
    catalog: &mut Catalog<'_>,
    preferences: &Preferences,
    excluded: &Excluded,
    notes: &mut Vec<String>,
) -> Result<(Ideal, Option<Missing>)> {
    let mut tree = Ideal::default();
    let without = |manifest: &Manifest| {
        let key = (manifest.name.clone(), manifest.version.to_string());
        excluded.get(&key).cloned().unwrap_or_default()
    };
    tree.put(
        None,
        &root.name.clone(),
        root.clone(),
        None,
        &without(&root),
    );
    let mut queue = BTreeSet::from([(0, tree.path(ROOT), ROOT)]);
    let mut told = BTreeSet::new();
    while let Some((_, _, from)) = queue.pop_first() {
        if tree.nodes[from].gone {
            continue;
        }
        let open = unmet(&tree, from);
        let names = open
            .iter()
            .filter_map(|(_, edge)| Some(edge.spec.as_ref()?.name.clone()));
        catalog.ensure(&names.collect())?;
        for (name, edge) in open {
            if tree.nodes[from].gone || !is_unmet(&tree, from, &name, &edge) {
                continue; // what was placed a moment ago will do
            }
            let picked = match &edge.spec {
                Some(spec) => pick(catalog, spec, preferences),
                None => Err(format!("{name}@{} is in no registry", edge.text)),
            };
            let runs = |m: &Manifest| {
                edge.kind != NeedKind::Optional || m.runs_on(preferences.node.as_ref())
            };
            let picked = picked.and_then(|manifest| match unusable(&manifest) {
                None if runs(&manifest) => Ok(manifest),
                None => Err(format!("{name} does not run on the image's Node.js")),
                Some(problem) => Err(problem),
            });
            let manifest = match picked {
                Ok(manifest) => manifest,
                Err(_) if edge.kind == NeedKind::Optional => {
                    tree.nodes[from].edges.remove(&name);
                    continue;
                }
                Err(reason) => return Ok((tree, Some(Missing { from, name, reason }))),
            };
            match place(&tree, from, &name, &manifest) {
                Placement::Keep => {}
                Placement::Put(parent) => {
                    let by = Some((from, name.clone()));
                    let id = tree.put(
                        Some(parent),
                        &name,
                        manifest.clone(),
                        by,
                        &without(&manifest),
                    );
                    queue.insert((tree.depth(id), tree.path(id), id));
                }
                Placement::Nowhere => {
                    let (kept, whose) = (&tree.target(from, &name, edge.kind), tree.story(from));
                    let kept = kept.map_or_else(String::new, |id| {
                        format!(", not {}", tree.nodes[id].manifest.version)
                    });
                    if told.insert((from, name.clone())) {
                        notes.push(format!("npm: {whose} wants its peer {name}@{}{kept}, which another package needs", edge.text));
                    }
                }
            }
        }
    }
    Ok((tree, None))
}

/// Dependencies that have to be seen to.
fn unmet(tree: &Ideal, from: Id) -> Vec<(String, Edge)> {
    let edges = tree.nodes[from].edges.iter();
    let open = edges.filter(|(name, edge)| is_unmet(tree, from, name, edge));
    open.map(|(name, edge)| (name.clone(), edge.clone()))
        .collect()
}

fn is_unmet(tree: &Ideal, from: Id, name: &str, edge: &Edge) -> bool {
    match tree.target(from, name, edge.kind) {
        Some(found) => {
            edge.kind != NeedKind::PeerOptional && !edge.accepts(&tree.nodes[found].manifest)
        }
        None => edge.kind != NeedKind::PeerOptional,
    }
}

fn lock(
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
