//! The tree of `node_modules` folders for one package while it is put together, with Node.js's rules for looking things up.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::manifest::{Manifest, NeedKind};
use crate::spec::Spec;

/// Number of a node.
pub(crate) type Id = usize;

/// The root: the package that was asked for.
pub(crate) const ROOT: Id = 0;

/// A package in its folder.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) parent: Option<Id>,
    /// Name of its folder.
    pub(crate) folder: String,
    pub(crate) manifest: Rc<Manifest>,
    /// The packages in its `node_modules`.
    pub(crate) children: BTreeMap<String, Id>,
    /// Its dependencies.
    pub(crate) edges: BTreeMap<String, Edge>,
    /// The node that needed it first.
    pub(crate) brought_by: Option<(Id, String)>,
    /// Replaced by another version, or below one that was.
    pub(crate) gone: bool,
}

/// A dependency of a node.
#[derive(Clone, Debug)]
pub(crate) struct Edge {
    pub(crate) kind: NeedKind,
    /// `None` where it is in no registry.
    pub(crate) spec: Option<Spec>,
    /// As `package.json` says it.
    pub(crate) text: String,
}

impl Edge {
    pub(crate) fn accepts(&self, manifest: &Manifest) -> bool {
        let accepts = |spec: &Spec| spec.accepts(&manifest.name, &manifest.version);
        self.spec.as_ref().is_some_and(accepts)
    }
}

/// The tree.
#[derive(Debug, Default)]
pub(crate) struct Ideal {
    pub(crate) nodes: Vec<Node>,
}

impl Ideal {
    /// Puts a package into the folder `name` of `parent`; what was there is gone with all that was in it.
    pub(crate) fn put(
        &mut self,
        parent: Option<Id>,
        name: &str,
        manifest: Rc<Manifest>,
        brought_by: Option<(Id, String)>,
        without: &BTreeSet<String>,
    ) -> Id {
        let edges = manifest
            .needs
            .iter()
            .filter(|(name, _)| !without.contains(*name));
        let edges = edges.map(|(name, need)| {
            let edge = Edge {
                kind: need.kind,
                spec: Spec::dependency(name, &need.text),
                text: need.text.clone(),
            };
            (name.clone(), edge)
        });
        let id = self.nodes.len();
        self.nodes.push(Node {
            parent,
            folder: name.to_owned(),
            edges: edges.collect(),
            children: BTreeMap::new(),
            manifest,
            brought_by,
            gone: false,
        });
        if let Some(parent) = parent
            && let Some(old) = self.nodes[parent].children.insert(name.to_owned(), id)
        {
            self.bury(old);
        }
        id
    }

    fn bury(&mut self, id: Id) {
        self.nodes[id].gone = true;
        let children: Vec<Id> = self.nodes[id].children.values().copied().collect();
        for child in children {
            self.bury(child);
        }
    }

    /// The node that Node.js finds for `name` in a module of `from`: in its own `node_modules`, then in those of the folders above.
    pub(crate) fn resolve(&self, from: Id, name: &str) -> Option<Id> {
        let mut at = Some(from);
        while let Some(id) = at {
            if let Some(found) = self.nodes[id].children.get(name) {
                return Some(*found);
            }
            at = self.nodes[id].parent;
        }
        // The root itself is in a `node_modules` too.
        (self.nodes[ROOT].folder == name).then_some(ROOT)
    }

    /// The node that an edge of `from` leads to. A peer is looked for beside the package, not inside it.
    pub(crate) fn target(&self, from: Id, name: &str, kind: NeedKind) -> Option<Id> {
        self.resolve(self.start(from, kind), name)
    }

    /// The node where the search for a dependency of this kind begins; for the root, itself.
    pub(crate) fn start(&self, from: Id, kind: NeedKind) -> Id {
        match kind {
            NeedKind::Peer | NeedKind::PeerOptional => self.nodes[from].parent.unwrap_or(from),
            _ => from,
        }
    }

    /// Nodes that are there, with their numbers.
    pub(crate) fn present(&self) -> impl Iterator<Item = (Id, &Node)> {
        self.nodes.iter().enumerate().filter(|(_, node)| !node.gone)
    }

    /// Edges that lead to `id`.
    pub(crate) fn edges_to(&self, id: Id) -> impl Iterator<Item = (Id, &Edge)> {
        self.present().flat_map(move |(from, node)| {
            let edges = node.edges.iter();
            let leading = edges.filter(move |(name, edge)| {
                **name == self.nodes[id].folder && self.target(from, name, edge.kind) == Some(id)
            });
            leading.map(move |(_, edge)| (from, edge))
        })
    }

    /// Whether `id` is `above` or somewhere in its folder.
    pub(crate) fn is_within(&self, id: Id, above: Id) -> bool {
        let mut at = Some(id);
        while let Some(here) = at {
            if here == above {
                return true;
            }
            at = self.nodes[here].parent;
        }
        false
    }

    /// Folders between a node and the root.
    pub(crate) fn depth(&self, id: Id) -> usize {
        std::iter::successors(self.nodes[id].parent, |id| self.nodes[*id].parent).count()
    }

    /// `node_modules/a/node_modules/b`.
    pub(crate) fn path(&self, id: Id) -> String {
        let own = format!("node_modules/{}", self.nodes[id].folder);
        match self.nodes[id].parent {
            Some(parent) => format!("{}/{own}", self.path(parent)),
            None => own,
        }
    }

    /// The chain of dependencies that brought a node, from the root on: `a > b > c`.
    pub(crate) fn story(&self, id: Id) -> String {
        let node = &self.nodes[id];
        let own = format!("{} {}", node.manifest.name, node.manifest.version);
        match &node.brought_by {
            Some((by, _)) => format!("{} > {own}", self.story(*by)),
            None => own,
        }
    }

    /// Nodes that something leads to from the root.
    pub(crate) fn reachable(&self) -> BTreeSet<Id> {
        let mut seen = BTreeSet::from([ROOT]);
        let mut todo = vec![ROOT];
        while let Some(id) = todo.pop() {
            for (name, edge) in &self.nodes[id].edges {
                // An optional peer is used if it is there, but nothing is there for its sake.
                let target = self.target(id, name, edge.kind);
                if let Some(target) = target.filter(|_| edge.kind != NeedKind::PeerOptional)
                    && seen.insert(target)
                {
                    todo.push(target);
                }
            }
        }
        seen
    }
}
