//! systemd's own time stamps: microseconds of CLOCK_MONOTONIC (org.freedesktop.systemd1(5)), which on a guest that has
//! never slept counts from the start of its kernel.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Asks for the manager's time stamps.
pub const MANAGER: [&str; 4] = [
    "systemctl",
    "show",
    "--no-pager",
    "--property=UserspaceTimestampMonotonic,FinishTimestampMonotonic",
];

/// Asks for those of all units that are loaded.
pub const UNITS: [&str; 5] = [
    "systemctl",
    "show",
    "--no-pager",
    "--property=Id,InactiveExitTimestampMonotonic,ActiveEnterTimestampMonotonic,ActiveState",
    "*",
];

/// Asks for the chain of units that the boot waited for.
pub const CRITICAL_CHAIN: [&str; 3] = ["systemd-analyze", "--no-pager", "critical-chain"];

/// The manager's time stamps in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Manager {
    /// PID 1 of the root file system began.
    pub userspace_ms: f64,
    /// All that was to start has started; `None` while it has not.
    pub finish_ms: Option<f64>,
}

/// A unit that was started, in milliseconds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unit {
    /// `ssh.service`.
    pub name: String,
    /// The beginning of its start.
    pub from_ms: f64,
    /// The moment at which it was active.
    pub to_ms: f64,
}

impl Unit {
    /// The time that it took to start.
    pub fn took_ms(&self) -> f64 {
        self.to_ms - self.from_ms
    }
}

/// Reads the answer to [`MANAGER`]; `None` for other text.
pub fn manager(text: &str) -> Option<Manager> {
    let fields = fields(text);
    Some(Manager {
        userspace_ms: stamp(&fields, "UserspaceTimestampMonotonic")?,
        finish_ms: stamp(&fields, "FinishTimestampMonotonic"),
    })
}

/// Reads the answer to [`UNITS`]: what was started in the boot, in the order in which it was.
pub fn units(text: &str) -> Vec<Unit> {
    let mut units: Vec<Unit> = text.split("\n\n").filter_map(unit).collect();
    units.sort_by(|a, b| a.from_ms.total_cmp(&b.from_ms).then(a.name.cmp(&b.name)));
    units.dedup_by(|a, b| a.name == b.name);
    units
}

/// The time at which the guest's address was set: `network.target` comes after whatever sets it.
pub fn network_ms(units: &[Unit]) -> Option<f64> {
    active(units, "network.target")
}

/// The time at which the root window was painted, in a guest with our desktop.
pub fn painted_ms(units: &[Unit]) -> Option<f64> {
    active(units, "kindling-session.service")
}

fn active(units: &[Unit], name: &str) -> Option<f64> {
    Some(units.iter().find(|unit| unit.name == name)?.to_ms)
}

fn unit(block: &str) -> Option<Unit> {
    let fields = fields(block);
    let to_ms = stamp(&fields, "ActiveEnterTimestampMonotonic")?;
    // A mount that the kernel made is active without having been started; devices are found active.
    let from_ms = stamp(&fields, "InactiveExitTimestampMonotonic").unwrap_or(to_ms);
    let name = (*fields.get("Id")?).to_owned();
    // One that was started again has an earlier end than beginning while it is at it.
    (!name.is_empty() && from_ms <= to_ms).then_some(Unit {
        name,
        from_ms,
        to_ms,
    })
}

/// A time stamp in milliseconds; systemd's 0 means never.
fn stamp(fields: &BTreeMap<&str, &str>, name: &str) -> Option<f64> {
    let micros: u64 = fields.get(name)?.parse().ok()?;
    (micros > 0).then_some(micros as f64 / 1e3)
}

fn fields(text: &str) -> BTreeMap<&str, &str> {
    text.lines()
        .filter_map(|line| line.split_once('='))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SHOWN: &str = "\
Id=network.target
ActiveState=active
InactiveExitTimestampMonotonic=1500000
ActiveEnterTimestampMonotonic=1500000

Id=never.service
ActiveState=inactive
InactiveExitTimestampMonotonic=0
ActiveEnterTimestampMonotonic=0

Id=kindling-network.service
ActiveState=active
InactiveExitTimestampMonotonic=1200000
ActiveEnterTimestampMonotonic=1499000

Id=again.service
ActiveState=activating
InactiveExitTimestampMonotonic=9000000
ActiveEnterTimestampMonotonic=2000000
";

    #[test]
    fn what_was_started_is_told_in_order() {
        let units = units(SHOWN);
        let names: Vec<&str> = units.iter().map(|unit| unit.name.as_str()).collect();
        assert_eq!(names, ["kindling-network.service", "network.target"]);
        assert!((units[0].took_ms() - 299.0).abs() < 1e-9);
        assert_eq!(network_ms(&units), Some(1500.0));
        assert_eq!(painted_ms(&units), None);
    }

    #[test]
    fn a_boot_that_goes_on_has_no_end() {
        let text = "UserspaceTimestampMonotonic=812345\nFinishTimestampMonotonic=0\n";
        let found = manager(text).unwrap();
        assert_eq!((found.userspace_ms, found.finish_ms), (812.345, None));
        assert_eq!(manager("sh: systemctl: not found"), None);
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_passed_over(text in ".{0,200}", key in "[A-Za-z]{0,40}", value in "[0-9]{0,30}") {
            let text = format!("{text}\nId={key}\nActiveEnterTimestampMonotonic={value}\n\n{text}");
            for unit in units(&text) {
                prop_assert!(unit.took_ms() >= 0.0);
            }
            let _ = manager(&text);
        }
    }
}
