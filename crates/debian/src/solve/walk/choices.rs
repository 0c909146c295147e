//! The packages that satisfy a relation, in the order in which apt tries them.

use std::cmp::Reverse;

use super::Walk;
use crate::index::{PackageId, Target};

impl Walk<'_> {
    /// Candidates that satisfy one alternative.
    pub(super) fn candidates(&self, target: Target) -> Vec<PackageId> {
        self.index
            .satisfying(target)
            .filter(|id| self.states[self.index.package(*id).name as usize].candidate == Some(*id))
            .collect()
    }

    /// `getAllPossibleSolutions`: alternatives in the order written, providers of each in apt's order of
    /// preference, without those that must not be installed.
    pub(super) fn solutions(&self, group: &[Target]) -> Vec<PackageId> {
        let mut all = Vec::new();
        for target in group {
            let mut candidates = self.candidates(*target);
            candidates.sort_by_key(|id| self.preference(*target, *id));
            all.extend(candidates);
        }
        all.dedup();
        all.retain(|id| {
            let state = self.states[self.index.package(*id).name as usize];
            !state.protected || state.install.is_some()
        });
        all
    }

    /// `CompareProviders`: the smallest key is the one that apt tries first.
    fn preference(&self, target: Target, id: PackageId) -> impl Ord + use<> {
        let package = self.index.package(id);
        (
            !self.states[package.name as usize].protected,
            package.name != target.name,
            !package.essential,
            !package.protected,
            package.priority,
            Reverse(package.name),
        )
    }
}
