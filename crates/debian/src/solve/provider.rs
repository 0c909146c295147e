//! The index as the SAT solver sees it.

use std::cell::RefCell;
use std::fmt::{self, Display};

use resolvo::{
    Candidates, Condition, ConditionId, Dependencies, DependencyProvider,
    HintDependenciesAvailable, Interner, KnownDependencies, NameId, Requirement, SolvableId,
    SolverCache, StringId, VersionSetId, VersionSetUnionId,
};

use crate::index::{self, Index, PackageId, Target, groups};

/// Hands packages and relations to the solver.
///
/// A relation becomes the explicit set of packages that satisfy it, providers included; a conflict becomes
/// the set of those of its name that are left. So the solver needs to know nothing of virtual packages.
pub(crate) struct Provider<'a> {
    index: &'a Index,
    /// Packages to be preferred wherever they are among the alternatives.
    preferred: Vec<bool>,
    sets: RefCell<Vec<Set>>,
    unions: RefCell<Vec<Vec<VersionSetId>>>,
}

/// Packages of one name: those listed, or all but those listed.
struct Set {
    name: index::NameId,
    packages: Vec<PackageId>,
    excluded: bool,
    /// The relation that it comes from, for a person.
    relation: String,
}

impl<'a> Provider<'a> {
    pub(crate) fn new(index: &'a Index, preferred: &[PackageId]) -> Self {
        let mut flags = vec![false; index.packages.len()];
        for id in preferred {
            flags[*id as usize] = true;
        }
        Self {
            index,
            preferred: flags,
            sets: RefCell::default(),
            unions: RefCell::default(),
        }
    }

    /// The requirement that exactly this package is installed.
    pub(crate) fn exactly(&self, id: PackageId) -> Requirement {
        let relation = format!(
            "{} (= {})",
            self.index.name_of(id),
            self.index.version_of(id)
        );
        Requirement::Single(self.add(self.index.package(id).name, vec![id], false, relation))
    }

    fn add(
        &self,
        name: index::NameId,
        packages: Vec<PackageId>,
        excluded: bool,
        relation: String,
    ) -> VersionSetId {
        let mut sets = self.sets.borrow_mut();
        sets.push(Set {
            name,
            packages,
            excluded,
            relation,
        });
        VersionSetId(sets.len() as u32 - 1)
    }

    /// The relation that a set comes from, as it is written.
    pub(crate) fn relation(&self, set: VersionSetId) -> String {
        self.sets.borrow()[set.0 as usize].relation.clone()
    }

    /// The relation that a requirement comes from, as it is written.
    pub(crate) fn required(&self, requirement: Requirement) -> String {
        self.relation(match requirement {
            Requirement::Single(set) => set,
            Requirement::Union(union) => self.unions.borrow()[union.0 as usize][0],
        })
    }

    /// One group of alternatives, what is preferred first, then as written.
    fn requirement(&self, group: &[Target]) -> Requirement {
        let relation = group
            .iter()
            .map(|target| self.index.display(*target))
            .collect::<Vec<_>>()
            .join(" | ");
        let mut by_name: Vec<(index::NameId, Vec<PackageId>)> = Vec::new();
        for id in group
            .iter()
            .flat_map(|target| self.index.satisfying(*target))
        {
            let name = self.index.package(id).name;
            match by_name.iter_mut().find(|(n, _)| *n == name) {
                Some((_, ids)) if ids.contains(&id) => {}
                Some((_, ids)) => ids.push(id),
                None => by_name.push((name, vec![id])),
            }
        }
        by_name.sort_by_key(|(_, ids)| !ids.iter().any(|id| self.preferred[*id as usize]));
        let mut sets: Vec<VersionSetId> = by_name
            .into_iter()
            .map(|(name, ids)| self.add(name, ids, false, relation.clone()))
            .collect();
        match sets[..] {
            [] => Requirement::Single(self.add(group[0].name, Vec::new(), false, relation)),
            [only] => Requirement::Single(only),
            _ => {
                let mut unions = self.unions.borrow_mut();
                unions.push(std::mem::take(&mut sets));
                Requirement::Union(VersionSetUnionId(unions.len() as u32 - 1))
            }
        }
    }

    /// For each name that a conflict hits, the packages of that name that it leaves.
    fn constraints(&self, id: PackageId, target: Target, constraints: &mut Vec<VersionSetId>) {
        let own = self.index.package(id).name;
        let mut by_name: Vec<(index::NameId, Vec<PackageId>)> = Vec::new();
        for other in self.index.satisfying(target) {
            let name = self.index.package(other).name;
            match by_name.iter_mut().find(|(n, _)| *n == name) {
                _ if name == own => {} // Policy 7.4: a package does not conflict with itself
                Some((_, ids)) => ids.push(other),
                None => by_name.push((name, vec![other])),
            }
        }
        for (name, ids) in by_name {
            constraints.push(self.add(name, ids, true, self.index.display(target)));
        }
    }
}

/// The solver's number of a package, and back.
pub(crate) fn solvable(id: PackageId) -> SolvableId {
    SolvableId::from_raw(id)
}

struct Name<'a>(&'a str);

impl Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Interner for Provider<'_> {
    type NameId = NameId;
    type SolvableId = SolvableId;

    fn display_solvable(&self, solvable: SolvableId) -> impl Display + '_ {
        let id = solvable.into_raw();
        format!("{} {}", self.index.name_of(id), self.index.version_of(id))
    }

    fn display_name(&self, name: NameId) -> impl Display + '_ {
        Name(self.index.names.get(name.into_raw()))
    }

    fn display_version_set(&self, set: VersionSetId) -> impl Display + '_ {
        self.relation(set)
    }

    fn display_string(&self, _: StringId) -> impl Display + '_ {
        "" // we give the solver no strings
    }

    fn version_set_name(&self, set: VersionSetId) -> NameId {
        NameId::from_raw(self.sets.borrow()[set.0 as usize].name)
    }

    fn solvable_name(&self, solvable: SolvableId) -> NameId {
        NameId::from_raw(self.index.package(solvable.into_raw()).name)
    }

    fn version_sets_in_union(
        &self,
        union: VersionSetUnionId,
    ) -> impl Iterator<Item = VersionSetId> {
        self.unions.borrow()[union.0 as usize].clone().into_iter()
    }

    fn resolve_condition(&self, _: ConditionId) -> Condition {
        unreachable!("Debian's relations have no conditions, so none was handed out")
    }
}

impl DependencyProvider for Provider<'_> {
    async fn filter_candidates(
        &self,
        candidates: &[SolvableId],
        set: VersionSetId,
        inverse: bool,
    ) -> Vec<SolvableId> {
        let sets = self.sets.borrow();
        let set = &sets[set.0 as usize];
        candidates
            .iter()
            .copied()
            .filter(|s| (set.packages.contains(&s.into_raw()) != set.excluded) != inverse)
            .collect()
    }

    async fn get_candidates(&self, name: NameId) -> Option<Candidates> {
        let versions = &self.index.by_name[name.into_raw() as usize];
        (!versions.is_empty()).then(|| Candidates {
            candidates: versions.iter().copied().map(solvable).collect(),
            hint_dependencies_available: HintDependenciesAvailable::None,
            ..Candidates::default()
        })
    }

    async fn sort_candidates(&self, _: &SolverCache<Self>, solvables: &mut [SolvableId]) {
        solvables.sort_by_key(|s| {
            let id = s.into_raw();
            let versions = &self.index.by_name[self.index.package(id).name as usize];
            let rank = versions.iter().position(|v| *v == id);
            (!self.preferred[id as usize], rank)
        });
    }

    async fn get_dependencies(&self, solvable: SolvableId) -> Dependencies {
        let id = solvable.into_raw();
        let package = self.index.package(id);
        let mut constrains = Vec::new();
        for target in &package.conflicts {
            self.constraints(id, *target, &mut constrains);
        }
        Dependencies::Known(KnownDependencies {
            requirements: groups(&package.depends)
                .map(|group| self.requirement(group).into())
                .collect(),
            constrains,
        })
    }
}
