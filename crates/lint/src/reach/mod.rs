//! Reach of a boot: files and units that something starts or opens without anybody's asking.
//!
//! It begins with what starts by itself (PID 1, its generators, the units of `default.target` and what those activate), the
//! recipe's own files, and promises: programs that others call by a common name, and commands of packages that the recipe asks
//! for by name. From there it follows programs: interpreters, libraries, and the programs that scripts name. Whatever is
//! not in here only shows where somebody asks for it.

mod programs;
mod promises;
mod units;

use std::collections::BTreeSet;

use kindling_base::Result;
use kindling_sysroot::unit::{Manager, Unit};
use kindling_sysroot::{Loader, generators};
use kindling_tree::Kind;

use crate::condition::{is_for_other_machines, never_starts};
use crate::facts::Facts;
use programs::Programs;

/// Paths that a boot reaches.
#[derive(Debug)]
pub(crate) struct Reach(BTreeSet<Vec<u8>>);

impl Reach {
    pub(crate) fn gather(facts: &Facts<'_>) -> Result<Self> {
        let files = facts.files;
        let mut programs = Programs::new(files, Loader::new(files)?);
        programs.program("/sbin/init")?;
        programs.program("/usr/lib/systemd/systemd-executor")?; // from systemd 255 on, it starts every process
        for path in generators(&files).values() {
            programs.program(path)?;
        }
        for manager in [Manager::System, Manager::User] {
            let all = facts.units(manager);
            let started = units::started(facts, manager)?;
            for name in &started {
                let unit = all.get(name);
                let unit = unit.filter(|unit| !is_for_other_machines(unit, &facts.cmdline));
                if let Some(unit) = unit.filter(|unit| !never_starts(&files, unit)) {
                    programs.unit(unit)?;
                }
            }
            for pull in all.pulls.iter().filter(|pull| started.contains(&pull.from)) {
                // The link alone: what it leads to was looked at above.
                programs.reached.insert(pull.path[1..].into());
            }
        }
        for path in promises::programs(facts)? {
            programs.program(&path)?;
        }
        own(facts, &mut programs)?;
        Ok(Self(programs.reached))
    }

    /// Whether a boot reaches a path.
    pub(crate) fn has(&self, path: &str) -> bool {
        self.0.contains(path.trim_start_matches('/').as_bytes())
    }
}

/// Adds the recipe's own programs, and its own units whether they start or not.
fn own(facts: &Facts<'_>, programs: &mut Programs<'_>) -> Result<()> {
    for (path, entry) in facts.files.0.iter() {
        let path = kindling_sysroot::shown(path);
        let starts = matches!(entry.kind, Kind::Symlink(_)) || facts.files.is_executable(entry);
        if starts && facts.is_own(&path) {
            programs.program(&path)?;
        }
    }
    let is_own = |unit: &&Unit| unit.files.iter().any(|(path, _)| facts.is_own(path));
    for unit in facts.all_units().filter(is_own) {
        programs.unit(unit)?;
    }
    Ok(())
}
