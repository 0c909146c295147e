//! apt's way through the dependencies, step by step, so that our choice is the one that apt would make.
//!
//! This follows `pkgDepCache::MarkInstall` and what it calls (apt-pkg/depcache.cc, apt 2.6) for a system on
//! which nothing is installed. What apt hands to its problem resolver, because marking alone leaves
//! something broken, is the solver's here.

mod choices;

use crate::index::{Index, NameId, PackageId, Target, groups};

/// Deeper chains than any archive has (the longest of bookworm is below 100); apt itself stops at 3000.
const DEEPEST: u32 = 1000;

/// Marks what apt would install for `requests`, in the order in which it would mark it.
///
/// The result may leave a dependency open: where apt gave up a package, or found no way at all.
pub(crate) fn walk(index: &Index, requests: &[PackageId], recommends: bool) -> Vec<PackageId> {
    let mut walk = Walk {
        index,
        recommends,
        states: (0..index.names.len() as NameId)
            .map(|name| State {
                candidate: index.candidate_of(name),
                ..State::default()
            })
            .collect(),
        order: Vec::new(),
    };
    // apt-private/private-install.cc, TryToInstall: all requests are marked before any dependency is.
    for request in requests {
        let name = index.package(*request).name;
        walk.state(name).candidate = Some(*request);
        walk.state(name).protected = true;
        walk.mark(name, false, true, 0);
    }
    for request in requests {
        walk.mark(index.package(*request).name, true, true, 0);
    }
    walk.wanted(requests)
}

struct Walk<'a> {
    index: &'a Index,
    recommends: bool,
    states: Vec<State>,
    /// Names in the order in which they were marked; some were given up later.
    order: Vec<NameId>,
}

/// apt's `StateCache` of one package.
#[derive(Clone, Copy, Default)]
struct State {
    candidate: Option<PackageId>,
    install: Option<PackageId>,
    protected: bool,
}

/// A dependency or recommendation still to be met.
#[derive(Clone, Copy)]
struct Open<'a> {
    group: &'a [Target],
    critical: bool,
}

impl<'a> Walk<'a> {
    fn state(&mut self, name: NameId) -> &mut State {
        &mut self.states[name as usize]
    }

    fn installed(&self, id: PackageId) -> bool {
        self.states[self.index.package(id).name as usize].install == Some(id)
    }

    fn satisfied(&self, group: &[Target]) -> bool {
        group
            .iter()
            .any(|target| self.index.satisfying(*target).any(|id| self.installed(id)))
    }

    /// `pkgDepCache::MarkInstall`: returns whether the package can be installed with all it needs. With
    /// `follow`, its dependencies are marked too; `by_user` means that it was asked for by name.
    fn mark(&mut self, name: NameId, follow: bool, by_user: bool, depth: u32) -> bool {
        let state = self.states[name as usize];
        if depth > DEEPEST || (!by_user && state.install.is_none() && state.protected) {
            return false;
        }
        let Some(id) = state.candidate else {
            return false;
        };
        if !state.protected && state.install.is_some() && !self.broken(id) {
            return true;
        }
        if by_user {
            self.install(name, id);
        }
        let fail_early = !state.protected && !by_user;
        let mut failed = false;
        let mut open = Vec::new();
        if follow {
            open = self.open_groups(id, state.protected);
            if !self.give_up_conflicting(id, state.protected, by_user) {
                if fail_early {
                    return false;
                }
                failed = true;
            }
        }
        if !by_user {
            self.install(name, id);
        }
        if !follow {
            return !failed;
        }
        self.state(name).protected = true;
        let met = self.install_dependencies(&open, state.protected, by_user, depth);
        self.state(name).protected = state.protected;
        if !met {
            if fail_early {
                // MarkInstall_DiscardInstall: this package is no longer a choice for anyone.
                self.state(name).install = None;
                self.state(name).candidate = None;
                return false;
            }
            failed = true;
        }
        !failed
    }

    fn install(&mut self, name: NameId, id: PackageId) {
        if self.state(name).install.replace(id).is_none() {
            self.order.push(name);
        }
    }

    /// Whether something that the package needs is missing or something it conflicts with is marked.
    fn broken(&self, id: PackageId) -> bool {
        let package = self.index.package(id);
        groups(&package.depends).any(|group| !self.satisfied(group))
            || (self.recommends && groups(&package.recommends).any(|group| !self.satisfied(group)))
            || package.conflicts.iter().any(|target| {
                self.index.satisfying(*target).any(|other| {
                    self.index.package(other).name != package.name && self.installed(other)
                })
            })
    }

    /// `MarkInstall_CollectDependencies`: all groups of a protected package, else those that are not met.
    fn open_groups(&self, id: PackageId, protected: bool) -> Vec<Open<'a>> {
        let package = self.index.package(id);
        let depends = groups(&package.depends).map(|group| Open {
            group,
            critical: true,
        });
        let recommends: &[Target] = if self.recommends {
            &package.recommends
        } else {
            &[]
        };
        depends
            .chain(groups(recommends).map(|group| Open {
                group,
                critical: false,
            }))
            .filter(|open| protected || !self.satisfied(open.group))
            .collect()
    }

    /// `MarkInstall_RemoveConflictsIfNotUpgradeable`: unmarks what `id` conflicts with.
    fn give_up_conflicting(&mut self, id: PackageId, protected: bool, by_user: bool) -> bool {
        let package = self.index.package(id);
        let mut failed = false;
        for target in &package.conflicts {
            for other in self.candidates(*target) {
                let name = self.index.package(other).name;
                if name == package.name {
                    continue; // Policy 7.4: a package does not conflict with itself
                }
                let state = self.state(name);
                if state.install.is_some() && state.protected {
                    failed = true;
                    if !protected && !by_user {
                        return false;
                    }
                    continue;
                }
                state.install = None;
                if protected {
                    state.candidate = None;
                    state.protected = true;
                }
            }
        }
        !failed
    }

    /// `MarkInstall_InstallDependencies`.
    fn install_dependencies(
        &mut self,
        open: &[Open<'_>],
        protected: bool,
        by_user: bool,
        depth: u32,
    ) -> bool {
        let mut failed = false;
        for Open { group, critical } in open {
            if self.satisfied(group) {
                if protected && *critical && !self.protect_only_solution(group, depth) {
                    failed = true;
                }
                continue;
            }
            let solutions = self.solutions(group);
            let only = solutions.len() == 1;
            let found = solutions.into_iter().any(|id| {
                let name = self.index.package(id).name;
                if self.states[name as usize].candidate != Some(id) {
                    return false; // given up since
                }
                if protected && *critical && only {
                    if !self.mark(name, false, false, depth + 1) {
                        return false;
                    }
                    self.state(name).protected = true;
                }
                self.mark(name, true, false, depth + 1)
            });
            if !found && *critical {
                failed = true;
                if !protected && !by_user {
                    break;
                }
            }
        }
        !failed
    }

    /// Protects packages that are the only way to meet a need of a protected package.
    fn protect_only_solution(&mut self, group: &[Target], depth: u32) -> bool {
        let [only] = self.solutions(group)[..] else {
            return true;
        };
        let name = self.index.package(only).name;
        if self.states[name as usize].protected {
            return true;
        }
        self.state(name).protected = true;
        self.mark(name, true, false, depth + 1)
    }

    /// The packages that are marked and still wanted: apt drops those that only a package needs that it gave up
    /// (apt-private/private-install.cc, DoAutomaticRemove).
    fn wanted(&self, requests: &[PackageId]) -> Vec<PackageId> {
        let mut seen = vec![false; self.states.len()];
        let mut todo: Vec<NameId> = requests
            .iter()
            .map(|id| self.index.package(*id).name)
            .collect();
        while let Some(name) = todo.pop() {
            let Some(id) = self.states[name as usize].install else {
                continue;
            };
            if std::mem::replace(&mut seen[name as usize], true) {
                continue;
            }
            let package = self.index.package(id);
            for target in package.depends.iter().chain(&package.recommends) {
                let marked = self
                    .index
                    .satisfying(*target)
                    .filter(|id| self.installed(*id));
                todo.extend(marked.map(|id| self.index.package(id).name));
            }
        }
        self.order
            .iter()
            .filter(|name| seen[**name as usize])
            .filter_map(|name| self.states[*name as usize].install)
            .collect()
    }
}
