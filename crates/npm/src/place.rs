//! The place of a package: as high as it fits without getting in another's way, as npm places it
//! (`@npmcli/arborist`, `place-dep.js` and `can-place-dep.js`).

use crate::ideal::{Id, Ideal, ROOT};
use crate::manifest::{Manifest, NeedKind};

/// The step that a dependency takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Placement {
    /// Keep the package that is in that folder already.
    Keep,
    /// Put it into the `node_modules` of this node; another version there is replaced.
    Put(Id),
    /// It fits nowhere without breaking what another needs.
    Nowhere,
}

/// Whether a package can be in a folder.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Free,
    Replace,
    Keep,
    Conflict,
}

/// Finds the place for `new`, which `from` needs as `name`.
pub(crate) fn place(tree: &Ideal, from: Id, name: &str, new: &Manifest) -> Placement {
    let Some(edge) = tree.nodes[from].edges.get(name) else {
        return Placement::Nowhere;
    };
    let start = tree.start(from, edge.kind);
    let mut best = Placement::Nowhere;
    let mut at = Some(start);
    while let Some(here) = at {
        at = tree.nodes[here].parent;
        let own = tree.nodes[here].edges.get(name);
        if here != ROOT && here != from && own.is_some_and(|own| own.kind == NeedKind::Peer) {
            continue; // it wants to share what is further up
        }
        match verdict(tree, here, (from, name), new) {
            Verdict::Conflict => break,
            Verdict::Keep => return Placement::Keep,
            Verdict::Free | Verdict::Replace => best = Placement::Put(here),
        }
    }
    match best {
        // Better beside a wrong peer than not at all: npm does so too, without `--strict-peer-deps`.
        Placement::Nowhere if tree.nodes[start].children.contains_key(name) => Placement::Nowhere,
        Placement::Nowhere => Placement::Put(start),
        found => found,
    }
}

fn verdict(tree: &Ideal, here: Id, (from, name): (Id, &str), new: &Manifest) -> Verdict {
    let node = &tree.nodes[here];
    if here != from && node.edges.get(name).is_some_and(|own| !own.accepts(new)) {
        return Verdict::Conflict;
    }
    let peers_fit = new.needs.iter().all(|(peer, need)| {
        let shared = matches!(need.kind, NeedKind::Peer | NeedKind::PeerOptional);
        let found = tree.resolve(here, peer).filter(|_| shared);
        let spec = crate::spec::Spec::dependency(peer, &need.text);
        found.is_none_or(|found| {
            let found = &tree.nodes[found].manifest;
            spec.is_none_or(|spec| spec.accepts(&found.name, &found.version))
        })
    });
    if !peers_fit {
        return Verdict::Conflict;
    }
    let Some(current) = node.children.get(name).copied() else {
        // What is found further up now would be hidden by it.
        let hidden = tree.resolve(here, name);
        let breaks = hidden.is_some_and(|hidden| {
            let mut users = tree
                .edges_to(hidden)
                .filter(|(user, _)| tree.is_within(*user, here));
            users.any(|(_, edge)| edge.accepts(&tree.nodes[hidden].manifest) && !edge.accepts(new))
        });
        return if breaks {
            Verdict::Conflict
        } else {
            Verdict::Free
        };
    };
    let there = &tree.nodes[current].manifest;
    let satisfied = tree.nodes[from]
        .edges
        .get(name)
        .is_some_and(|edge| edge.accepts(there));
    if satisfied && there.name == new.name && there.version == new.version {
        return Verdict::Keep;
    }
    let mut users = tree.edges_to(current);
    if new.version >= there.version && users.all(|(_, edge)| edge.accepts(new)) {
        return Verdict::Replace;
    }
    if satisfied {
        Verdict::Keep
    } else {
        Verdict::Conflict
    }
}
