//! Conditions that keep a unit from starting in this image, seen before it boots.

use kindling_sysroot::unit::Unit;
use kindling_sysroot::{Files, Found};

use crate::cmdline::Cmdline;

/// Conditions on files: where one is missing, the unit does not start.
const PATHS: [&str; 8] = [
    "ConditionPathExists",
    "ConditionPathIsDirectory",
    "ConditionFileIsExecutable",
    "ConditionFileNotEmpty",
    "ConditionDirectoryNotEmpty",
    "AssertPathExists",
    "AssertFileIsExecutable",
    "AssertPathIsDirectory",
];
/// Values of ConditionVirtualization= that hold in a virtual machine of KVM or QEMU (systemd.unit(5)).
const HERE: [&str; 8] = ["yes", "true", "on", "1", "vm", "kvm", "qemu", "amazon"];

/// Whether a condition keeps a unit from starting in this image.
pub(crate) fn never_starts(files: &Files<'_>, unit: &Unit) -> bool {
    let conditions = PATHS.iter().flat_map(|key| unit.all("Unit", key));
    let mut paths = conditions.filter(|(_, value)| value.starts_with('/'));
    paths.any(|(_, path)| match path.split_once('%') {
        None => !files.may_exist(path),
        // Only known at run time; but nothing can be in a folder that is not there or empty.
        Some((start, _)) => {
            let folder = start.rsplit_once('/').map_or("", |(folder, _)| folder);
            !matches!(files.find(folder), Found::AtRunTime) && files.list(folder).is_empty()
        }
    })
}

/// Whether a unit is for containers, bare metal, other hypervisors or another command line: it does not start here, and would
/// elsewhere.
pub(crate) fn is_for_other_machines(unit: &Unit, cmdline: &Cmdline) -> bool {
    let plain = |key| {
        let values = unit.all("Unit", key).into_iter().map(|(_, value)| value);
        // With a `|` before, one of several has to hold.
        values.filter(|value: &&str| !value.starts_with('|'))
    };
    let machine = plain("ConditionVirtualization").any(|value| match value.strip_prefix('!') {
        None => !HERE.contains(&value),
        Some(not) => ["yes", "true", "on", "1", "vm"].contains(&not),
    });
    let said = plain("ConditionKernelCommandLine").any(|value| match value.strip_prefix('!') {
        None => !cmdline.says(value),
        Some(not) => cmdline.says(not),
    });
    machine || said
}

/// Whether a unit's paths are of another root.
pub(crate) fn has_other_root(unit: &Unit) -> bool {
    let keys = ["RootDirectory", "RootImage"];
    keys.iter().any(|key| unit.last("Service", key).is_some())
}

#[cfg(test)]
mod tests {
    use kindling_sysroot::unit::parse;

    use super::*;

    #[test]
    fn units_for_another_command_line_do_not_start() {
        let unit = Unit {
            name: "a.service".into(),
            files: vec![(
                "a".into(),
                parse(
                    "[Unit]\nConditionKernelCommandLine=recovery\nConditionKernelCommandLine=!rescue\n",
                ),
            )],
        };
        let is_other = |text: &str| is_for_other_machines(&unit, &Cmdline::parse(text));
        assert!(is_other("quiet"));
        assert!(!is_other("quiet recovery"));
        assert!(!is_other("quiet recovery=1"));
        assert!(is_other("recovery rescue"));
    }

    #[test]
    fn units_for_other_machines_never_start() {
        let unit = |value: &str| Unit {
            name: "a.service".into(),
            files: vec![(
                "a".into(),
                parse(&format!("[Unit]\nConditionVirtualization={value}\n")),
            )],
        };
        let none = Cmdline::parse("");
        for value in ["container", "no", "!vm", "lxc"] {
            assert!(is_for_other_machines(&unit(value), &none), "{value}");
        }
        for value in ["vm", "!container", "kvm", "|container", "!lxc"] {
            assert!(!is_for_other_machines(&unit(value), &none), "{value}");
        }
    }
}
