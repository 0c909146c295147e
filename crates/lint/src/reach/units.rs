//! Units that start without anybody's asking.

use std::collections::BTreeSet;

use kindling_base::Result;
use kindling_sysroot::unit::{Manager, Unit, Units};
use kindling_sysroot::{Files, generators};

use crate::facts::Facts;

/// Keys by which a unit pulls others in.
const PULLS: [&str; 4] = ["Requires", "Wants", "BindsTo", "Upholds"];
/// Units that generators make a boot start: the generator's name, and its unit.
const GENERATED: [(&str, &str); 2] = [
    ("cloud-init-generator", "cloud-init.target"),
    ("netplan", "systemd-networkd.service"),
];
/// Services that D-Bus starts for whoever calls them.
const BUS_SERVICES: [&str; 2] = [
    "/usr/share/dbus-1/system-services",
    "/etc/dbus-1/system-services",
];
const BUS: &str = "dbus.socket";

/// The units of a manager that start: what `default.target` pulls in, what generators add, and the services of sockets, timers,
/// paths and the bus among them. Those of sessions only start where logging in makes one.
pub(super) fn started(facts: &Facts<'_>, manager: Manager) -> Result<BTreeSet<String>> {
    let files = &facts.files;
    let units = facts.units(manager);
    let mut open = Vec::new();
    match manager {
        Manager::System => {
            open.push(first(facts));
            open.push("default.target".to_owned());
            open.extend(consoles(facts));
            let made = GENERATED
                .iter()
                .filter(|(generator, _)| generators(files).contains_key(*generator));
            open.extend(made.map(|(_, unit)| (*unit).to_owned()));
        }
        Manager::User if has_sessions(files) => open.push("default.target".to_owned()),
        Manager::User => {}
    }
    let mut started = closure(units, open);
    if manager == Manager::System && started.contains(BUS) {
        let called = bus_services(files)?;
        let own = called.into_iter().filter(|name| units.get(name).is_some());
        let more = closure(units, own.collect());
        started.extend(more);
    }
    Ok(started)
}

/// The unit that the command line names instead of `default.target`.
fn first(facts: &Facts<'_>) -> String {
    let named = facts.cmdline.value("systemd.unit");
    named.unwrap_or("default.target").to_owned()
}

/// The gettys that systemd-getty-generator makes for the consoles of the command line.
fn consoles(facts: &Facts<'_>) -> Vec<String> {
    if !generators(&facts.files).contains_key("systemd-getty-generator") {
        return Vec::new();
    }
    let values = facts.cmdline.values("console");
    let devices = values.filter_map(|value| value.split(',').next());
    let serial = devices.filter(|device| *device != "tty0");
    serial
        .map(|device| format!("serial-getty@{device}.service"))
        .collect()
}

/// Whether logging in starts a manager of units for the user.
fn has_sessions(files: &Files<'_>) -> bool {
    let folders = ["/usr/lib/x86_64-linux-gnu/security", "/usr/lib/security"];
    let mut modules = folders
        .iter()
        .map(|folder| format!("{folder}/pam_systemd.so"));
    modules.any(|module| files.may_exist(&module))
}

/// The units of the bus's services.
fn bus_services(files: &Files<'_>) -> Result<Vec<String>> {
    let mut names = Vec::new();
    for folder in BUS_SERVICES {
        for (name, _) in files.list(folder) {
            let text = files.text(&format!("{folder}/{name}"))?.unwrap_or_default();
            let mut lines = text.lines().map(str::trim);
            names.extend(
                lines.find_map(|line| Some(line.strip_prefix("SystemdService=")?.to_owned())),
            );
        }
    }
    Ok(names)
}

/// All that these units pull in or activate, by the names under which it is asked for and its own.
fn closure(units: &Units, mut open: Vec<String>) -> BTreeSet<String> {
    let mut started = BTreeSet::new();
    while let Some(name) = open.pop() {
        let Some(unit) = units.get(&name).filter(|_| !units.is_masked(&name)) else {
            continue;
        };
        if !started.insert(name.clone()) {
            continue;
        }
        if !unit.name.contains("@.") && unit.name != name {
            open.push(unit.name.clone());
        }
        let links = units
            .pulls
            .iter()
            .filter(|pull| pull.leads && (pull.from == name || pull.from == unit.name));
        open.extend(links.map(|pull| pull.to.clone()));
        let said = PULLS.iter().flat_map(|key| unit.names(key));
        let instance = instance(&name);
        open.extend(said.map(|(_, other)| other.replace("%i", instance).replace("%I", instance)));
        open.extend(activated(unit, &name));
        if !unit.is_off("Unit", "DefaultDependencies")
            && ["service", "socket", "timer", "path"].contains(&unit.kind())
        {
            open.push("sysinit.target".to_owned());
        }
    }
    started
}

fn instance(name: &str) -> &str {
    let inside = name
        .split_once('@')
        .and_then(|(_, rest)| rest.rsplit_once('.'));
    inside.map_or("", |(instance, _)| instance)
}

/// The unit that a socket, timer or path starts; an accepting socket starts instances of a template.
fn activated(unit: &Unit, name: &str) -> Option<String> {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let (section, key) = match unit.kind() {
        "socket" => ("Socket", "Service"),
        "timer" => ("Timer", "Unit"),
        "path" => ("Path", "Unit"),
        _ => return None,
    };
    let accepts = unit.last("Socket", "Accept");
    let accepts = accepts.is_some_and(|value| ["yes", "true", "on", "1"].contains(&value));
    let usual = match accepts {
        true => format!("{stem}@.service"),
        false => format!("{stem}.service"),
    };
    Some(unit.last(section, key).map_or(usual, str::to_owned))
}
