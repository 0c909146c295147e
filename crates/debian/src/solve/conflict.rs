//! Explains conflicts: the packages that exclude each other, and what asked for them.

use resolvo::conflict::{ConflictCause, ConflictEdge, ConflictGraph, ConflictNode};

use super::provider::Provider;
use crate::index::Index;

/// One line for each conflict that keeps a request from being satisfied: who conflicts with what, and the
/// chains of relations that lead to both.
pub(crate) fn conflicts(index: &Index, provider: &Provider<'_>, graph: &ConflictGraph) -> String {
    let edges = graph.graph.raw_edges();
    let chain = |target| {
        // Breadth first, so that the chain is a shortest one.
        let mut reached = vec![(graph.root_node, Vec::new())];
        let mut at = 0;
        while at < reached.len() {
            let (node, chain): (_, Vec<String>) = reached[at].clone();
            if node == target {
                return chain.join(" -> ");
            }
            for edge in edges.iter().filter(|edge| edge.source() == node) {
                if let ConflictEdge::Requires(requirement) = edge.weight
                    && reached.iter().all(|(seen, _)| *seen != edge.target())
                {
                    let step = provider.required(requirement);
                    reached.push((edge.target(), chain.iter().cloned().chain([step]).collect()));
                }
            }
            at += 1;
        }
        String::new()
    };
    let mut lines: Vec<String> = edges
        .iter()
        .filter_map(|edge| {
            let victim = match graph.graph[edge.target()] {
                ConflictNode::Solvable(solvable) => solvable.into_raw(),
                _ => return None,
            };
            let (name, version) = (index.name_of(victim), index.version_of(victim));
            let wanted = format!("{name} {version} is wanted by {}", chain(edge.target()));
            match edge.weight {
                ConflictEdge::Conflict(ConflictCause::Constrains(set)) => Some(format!(
                    "{} conflicts with {}; {wanted}",
                    chain(edge.source()),
                    provider.relation(set)
                )),
                ConflictEdge::Conflict(ConflictCause::ForbidMultipleInstances) => Some(format!(
                    "only one version of {name} can be installed; {wanted}, another one by {}",
                    chain(edge.source())
                )),
                _ => None,
            }
        })
        .collect();
    lines.sort();
    lines.dedup();
    lines.join("\n")
}
