//! The tree of one package, put together as npm does it.

use std::collections::{BTreeMap, BTreeSet};

use kindling_base::{Error, Event, Reporter, Result};

use super::choice::{Chosen, pick, unusable};
use crate::catalog::Catalog;
use crate::ideal::{Edge, Id, Ideal, ROOT};
use crate::manifest::{Manifest, NeedKind};
use crate::packument::Preferences;
use crate::place::{Placement, place};

/// A dependency of a node that cannot be had, and why.
struct Missing {
    from: Id,
    name: String,
    reason: String,
}

/// Dependencies that are left out: whose (name and version), and which.
type Excluded = BTreeMap<(String, String), BTreeSet<String>>;

/// The tree of one package. An optional dependency that cannot be had, or whose own dependencies cannot, is left out and
/// the tree put together again without it.
pub(super) fn build(
    asked: &str,
    root: Chosen,
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
    root: Chosen,
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
            let manifest = match candidate(catalog, &name, &edge, preferences) {
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

/// The version that a dependency gets, or why it gets none.
fn candidate(
    catalog: &Catalog<'_>,
    name: &str,
    edge: &Edge,
    preferences: &Preferences,
) -> Result<Chosen, String> {
    let manifest = match &edge.spec {
        Some(spec) => pick(catalog, spec, preferences)?,
        None => return Err(format!("{name}@{} is in no registry", edge.text)),
    };
    if let Some(problem) = unusable(&manifest) {
        return Err(problem);
    }
    match edge.kind == NeedKind::Optional && !manifest.runs_on(preferences.node.as_ref()) {
        true => Err(format!("{name} does not run on the image's Node.js")),
        false => Ok(manifest),
    }
}

/// The dependencies of a node that lead nowhere yet, or to a version that does not fit.
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
