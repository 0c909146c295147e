//! Solves a request: finds the set of packages that apt would install for it.

use std::collections::BTreeSet;

use kindling_base::{Error, Result, did_you_mean};
use kindling_deb::LockedPackage;
use resolvo::{Problem, Solver, UnsolvableOrCancelled};

use super::conflict::conflicts;
use super::explain::explain;
use super::provider::{Provider, solvable};
use super::walk::walk;
use crate::index::{Index, PackageId, Priority};

/// The packages to install on top of the base system.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// Packages, each `name` or `name=version`.
    pub packages: Vec<String>,
    /// Whether recommended packages are installed too, where they can be.
    pub recommends: bool,
}

/// The packages that `request` needs, with those that every system has (`Essential: yes` or
/// `Priority: required`), sorted by name.
///
/// The choice is apt's: the newest version of the suite with the highest priority, the first alternative
/// that can be installed, apt's preference among providers. Where apt's marking does not come out even, the
/// solver decides, as near to it as possible.
///
/// # Errors
/// A package or version does not exist (near names are shown), or a dependency cannot be satisfied (the
/// chain from the request down is shown).
pub fn solve(index: &Index, request: &Request) -> Result<Vec<LockedPackage>> {
    let mut wanted = base(index);
    for one in &request.packages {
        let id = find(index, one)?;
        // A request for another version of a package of the base replaces it.
        wanted.retain(|other| index.package(*other).name != index.package(id).name || *other == id);
        if !wanted.contains(&id) {
            wanted.push(id);
        }
    }
    let marked = walk(index, &wanted, request.recommends);
    let provider = Provider::new(index, &marked);
    let requirements = wanted
        .iter()
        .map(|id| provider.exactly(*id).into())
        .collect();
    let problem = Problem::new()
        .requirements(requirements)
        .soft_requirements(marked.into_iter().map(solvable));
    let mut solver = Solver::new(provider);
    let mut chosen: Vec<PackageId> = match solver.solve(problem) {
        Ok(solvables) => solvables.into_iter().map(|s| s.into_raw()).collect(),
        Err(UnsolvableOrCancelled::Unsolvable(conflict)) => {
            let why = || conflicts(index, solver.provider(), &conflict.graph(&solver));
            return Err(explain(index, &wanted, why));
        }
        Err(UnsolvableOrCancelled::Cancelled(_)) => {
            return Err(Error::internal(
                "the solver stopped although nobody asked it to",
            ));
        }
    };
    chosen.sort_by_key(|id| index.name_of(*id));
    Ok(chosen.into_iter().map(|id| index.locked(id)).collect())
}

/// The packages of every system, sorted by name.
fn base(index: &Index) -> Vec<PackageId> {
    let mut base: Vec<PackageId> = (0..index.names.len() as u32)
        .filter_map(|name| index.candidate_of(name))
        .filter(|id| {
            let package = index.package(*id);
            package.essential || package.priority == Priority::Required
        })
        .collect();
    base.sort_by_key(|id| index.name_of(*id));
    base
}

/// The package that a request names.
fn find(index: &Index, request: &str) -> Result<PackageId> {
    let (name, version) = match request.split_once('=') {
        Some((name, version)) => (name, Some(version)),
        None => (request, None),
    };
    let known = index.names.find(name);
    let versions: &[PackageId] = known.map_or(&[], |id| &index.by_name[id as usize]);
    match (versions, version) {
        ([candidate, ..], None) => Ok(*candidate),
        ([], _) => {
            let providers = known.map_or(&[][..], |id| &index.providers[id as usize]);
            let names: BTreeSet<&str> =
                providers.iter().map(|p| index.name_of(p.package)).collect();
            match (names.first(), names.len(), version) {
                (Some(only), 1, None) => find(index, only),
                (Some(_), ..) => Err(is_virtual(name, &names)),
                (None, ..) => Err(unknown(index, name)),
            }
        }
        (_, Some(version)) => versions
            .iter()
            .copied()
            .find(|id| index.version_of(*id) == version)
            .ok_or_else(|| {
                let have: Vec<&str> = versions.iter().map(|id| index.version_of(*id)).collect();
                Error::user(format!("the package {name} has no version {version}"))
                    .note(format!("the archive has {}", have.join(", ")))
                    .hint(format!("ask for `{name}`, or for `{name}={}`", have[0]))
            }),
    }
}

fn unknown(index: &Index, name: &str) -> Error {
    let hint = did_you_mean(name, index.package_names()).unwrap_or_else(|| {
        "check its spelling, and whether the recipe names the suite and component that have it"
            .to_owned()
    });
    Error::user(format!("there is no package `{name}` in {}", suites(index)))
        .about(name)
        .hint(hint)
}

fn is_virtual(name: &str, providers: &BTreeSet<&str>) -> Error {
    let list: Vec<&str> = providers.iter().copied().take(10).collect();
    Error::user(format!(
        "`{name}` is provided by several packages, so one of them has to be named"
    ))
    .about(name)
    .hint(format!("name one of `{}`", list.join("`, `")))
}

fn suites(index: &Index) -> String {
    let names: Vec<&str> = index.suites.iter().map(|(name, _)| name.as_str()).collect();
    names.join(", ")
}
