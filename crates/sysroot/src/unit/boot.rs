//! Units that a boot starts: all that `default.target` pulls in.

use std::collections::{BTreeMap, BTreeSet};

use super::{Unit, Units};

/// Keys by which a unit pulls others in.
const PULLS: [&str; 4] = ["Requires", "Wants", "BindsTo", "Upholds"];

/// The units that start at boot, and who asked for each.
#[derive(Clone, Debug)]
pub struct Boot<'a> {
    /// By name; an instance by its full name.
    pub units: BTreeMap<String, &'a Unit>,
    /// The units that each unit pulls in, by name.
    pub pulls: BTreeMap<String, BTreeSet<String>>,
}

impl<'a> Boot<'a> {
    /// Walks from `default.target`; empty where there is none.
    pub fn walk(units: &'a Units) -> Self {
        let mut boot = Self {
            units: BTreeMap::new(),
            pulls: BTreeMap::new(),
        };
        let mut open = vec!["default.target".to_owned()];
        while let Some(name) = open.pop() {
            let Some(unit) = units.get(&name) else {
                continue;
            };
            let name = own_name(unit, &name);
            if units.is_masked(&name) || boot.units.contains_key(&name) {
                continue;
            }
            let pulled = pulled(units, unit, &name);
            open.extend(pulled.iter().cloned());
            boot.units.insert(name.clone(), unit);
            boot.pulls.insert(name, pulled);
        }
        boot
    }

    /// Whether a unit starts at boot.
    pub fn has(&self, name: &str) -> bool {
        self.units.contains_key(name)
    }
}

/// The unit's own name, or the instance's if it is a template.
fn own_name(unit: &Unit, asked: &str) -> String {
    if unit.name.contains("@.") {
        asked.to_owned()
    } else {
        unit.name.clone()
    }
}

/// The names of what a unit pulls in, its own names where it has aliases.
fn pulled(units: &Units, unit: &Unit, name: &str) -> BTreeSet<String> {
    let links = units.pulls.iter().filter(|pull| {
        let from = units.get(&pull.from).map_or("", |from| &from.name);
        pull.leads && (pull.from == name || from == unit.name)
    });
    let mut names: Vec<String> = links.map(|pull| pull.to.clone()).collect();
    for key in PULLS {
        names.extend(unit.names(key).into_iter().map(|(_, name)| name.to_owned()));
    }
    if !unit.is_off("Unit", "DefaultDependencies") {
        let implied: &[&str] = match unit.kind() {
            "service" | "socket" | "timer" | "path" => &["sysinit.target"],
            _ => &[],
        };
        names.extend(implied.iter().map(|name| (*name).to_owned()));
    }
    let instance = name
        .split_once('@')
        .and_then(|(_, rest)| rest.rsplit_once('.'))
        .map_or("", |(instance, _)| instance);
    let named = names.into_iter().map(|name| {
        let name = name.replace("%i", instance).replace("%I", instance);
        match units.get(&name) {
            Some(unit) => own_name(unit, &name),
            None => name,
        }
    });
    named.collect()
}
