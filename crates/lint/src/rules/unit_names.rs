//! Names in units: each other, users and groups, and keys that systemd knows.

use std::collections::BTreeSet;

use kindling_base::Result;

use crate::facts::Facts;
use crate::rule::{Report, Rule};
use kindling_sysroot::Files;
use kindling_sysroot::unit::{Unit, Units, words};

pub(super) const SYNTAX: Rule = Rule {
    name: "unit-syntax",
    summary: "systemd reads every line of every unit",
    explanation: "systemd warns of a line that it cannot read and goes on without it: the unit then does something else \
                  than it says. A section of another type of unit is ignored as well.",
    check: syntax,
};

pub(super) const REFERENCE: Rule = Rule {
    name: "unit-reference",
    summary: "units that others need, or that are enabled, are there",
    explanation: "Requires=, BindsTo=, OnFailure=, Sockets=, Unit= and Service= of a missing unit make a start fail; a link \
                  in a .wants folder that leads nowhere enables nothing; and where systemd.unit= of the command line names \
                  none, the boot ends in rescue.target. (Wants= and After= may name what is not there.)",
    check: reference,
};

pub(super) const USER: Rule = Rule {
    name: "unit-user",
    summary: "users and groups of units are there",
    explanation: "A service of an unknown user fails with 217/USER, of an unknown group with 216/GROUP. They must be in \
                  /etc/passwd and /etc/group, or be made by sysusers.d; DynamicUser= makes its own.",
    check: user,
};

/// Sections that every unit file may have, besides the one of its type.
const COMMON: [&str; 2] = ["Unit", "Install"];

fn syntax(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    for unit in facts.system.units.values().chain(facts.user.units.values()) {
        let own = capitalised(unit.kind());
        for (path, file) in &unit.files {
            for (number, problem) in &file.ignored {
                // systemd goes on without the line: a unit of a package is what its maintainers tried.
                report
                    .add(path, format!("line {number}: {problem}"))
                    .later();
            }
            let sections: BTreeSet<&str> = file.lines.iter().map(|l| l.section.as_str()).collect();
            for section in sections {
                let is_known =
                    COMMON.contains(&section) || section == own || section.starts_with("X-");
                if !is_known {
                    let problem = format!("[{section}] is no section of a {}", unit.kind());
                    report.add(path, problem).later();
                }
            }
        }
    }
    Ok(())
}

fn capitalised(kind: &str) -> String {
    let mut letters = kind.chars();
    let first = letters.next().map(|letter| letter.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}

fn reference(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    if let Some(name) = facts.cmdline.value("systemd.unit")
        && !is_there(&facts.system, name)
    {
        report.add(
            "cmdline",
            format!("systemd.unit={name}: there is no such unit"),
        );
    }
    for units in [&facts.system, &facts.user] {
        for unit in units.units.values() {
            for (path, key, name) in needed(unit) {
                if !name.contains('%') && !is_there(units, name) {
                    let seen = report.add(path, format!("{key}={name}: there is no such unit"));
                    if key.starts_with("On") {
                        seen.later();
                    }
                }
            }
        }
        for pull in &units.pulls {
            if !pull.leads && !is_there(units, &pull.to) {
                let problem = format!("it enables {}, which does not exist", pull.to);
                report.add(&pull.path, problem);
            }
        }
    }
    Ok(())
}

/// Names that a unit cannot do without, with the file and the key.
fn needed(unit: &Unit) -> Vec<(&str, &'static str, &str)> {
    let mut all = Vec::new();
    for key in ["Requires", "Requisite", "BindsTo", "OnFailure", "OnSuccess"] {
        all.extend(
            unit.names(key)
                .into_iter()
                .map(|(path, name)| (path, key, name)),
        );
    }
    let others = [
        ("Service", "Sockets"),
        ("Socket", "Service"),
        ("Timer", "Unit"),
        ("Path", "Unit"),
    ];
    for (section, key) in others {
        for (path, value) in unit.all(section, key) {
            all.extend(value.split_whitespace().map(|name| (path, key, name)));
        }
    }
    all
}

/// Whether a unit is there, or of a kind that is made at run time.
fn is_there(units: &Units, name: &str) -> bool {
    let made = [".device", ".mount", ".swap", ".slice", ".scope"];
    made.iter().any(|kind| name.ends_with(kind))
        || units.get(name).is_some()
        || units.is_masked(name)
}

fn user(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    let known = Accounts::read(&facts.files)?;
    for unit in facts.system.units.values() {
        let dynamic = unit.last("Service", "DynamicUser");
        if dynamic.is_some() && !unit.is_off("Service", "DynamicUser") {
            continue;
        }
        for (section, user, group) in [
            ("Service", "User", "Group"),
            ("Socket", "SocketUser", "SocketGroup"),
        ] {
            for (path, name) in unit.all(section, user) {
                if !is_number(name) && !known.users.contains(name) {
                    report.add(path, format!("{user}={name}: there is no such user"));
                }
            }
            for key in [group, "SupplementaryGroups"] {
                let values = unit.all(section, key).into_iter();
                let names = values
                    .flat_map(|(path, value)| value.split_whitespace().map(move |n| (path, n)));
                for (path, name) in names {
                    if !is_number(name) && !known.groups.contains(name) {
                        report.add(path, format!("{key}={name}: there is no such group"));
                    }
                }
            }
        }
    }
    Ok(())
}

/// Numbers need no entry, and specifiers are only known at run time.
fn is_number(name: &str) -> bool {
    name.contains('%') || name.bytes().all(|b| b.is_ascii_digit())
}

/// Names of users and groups.
struct Accounts {
    users: BTreeSet<String>,
    groups: BTreeSet<String>,
}

impl Accounts {
    /// Of `/etc/passwd` and `/etc/group`, and those that `systemd-sysusers` makes at boot.
    fn read(files: &Files<'_>) -> Result<Self> {
        let names = |path| -> Result<BTreeSet<String>> {
            let text = files.text(path)?.unwrap_or_default();
            let names = text.lines().filter_map(|line| line.split(':').next());
            Ok(names.map(str::to_owned).collect())
        };
        let mut known = Self {
            users: names("/etc/passwd")?,
            groups: names("/etc/group")?,
        };
        known.users.insert("root".into());
        known.groups.insert("root".into());
        for folder in ["/etc/sysusers.d", "/usr/lib/sysusers.d"] {
            for (name, _) in files.list(folder) {
                let text = files.text(&format!("{folder}/{name}"))?.unwrap_or_default();
                for line in text.lines() {
                    let words = words(line);
                    match words
                        .iter()
                        .map(String::as_str)
                        .collect::<Vec<_>>()
                        .as_slice()
                    {
                        ["u" | "u!", name, ..] => {
                            known.users.insert((*name).to_owned());
                            known.groups.insert((*name).to_owned());
                        }
                        ["g", name, ..] => {
                            known.groups.insert((*name).to_owned());
                        }
                        _ => {}
                    }
                }
            }
        }
        Ok(known)
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{Plan, problems};

    #[test]
    fn lines_and_sections_that_systemd_ignores_are_told() {
        let sound = Plan::bootable().unit(
            "a.service",
            "[Unit]\n[Service]\nType=simple\n[X-Ours]\nA=b\n",
        );
        assert_eq!(problems("unit-syntax", &sound), [""; 0]);
        let broken = sound.unit(
            "b.service",
            "Type=simple\n[Service]\nRestart always\n[Socket]\nListenStream=1\n",
        );
        insta::assert_snapshot!(problems("unit-syntax", &broken).join("\n"), @r"
        /usr/lib/systemd/system/b.service: [Socket] is no section of a service
        /usr/lib/systemd/system/b.service: line 1: `Type=simple` is in no section
        /usr/lib/systemd/system/b.service: line 3: `Restart always` is no assignment
        ");
    }

    #[test]
    fn names_of_missing_units_are_told() {
        let sound = Plan::bootable()
            .unit("a.service", "[Unit]\nRequires=basic.target -.mount\nWants=gone.service\n[Service]\nSockets=a.socket\n")
            .unit("a.socket", "[Socket]\nListenStream=80\n")
            .unit("t@.service", "[Service]\n")
            .unit("b.service", "[Unit]\nOnFailure=t@%n.service\nBindsTo=t@1.service masked.service\n")
            .link("etc/systemd/system/masked.service", "/dev/null")
            .link("etc/systemd/system/multi-user.target.wants/t@x.service", "/usr/lib/systemd/system/t@.service");
        assert_eq!(problems("unit-reference", &sound), [""; 0]);
        let early = |name: &str| sound.clone().cmdline(&format!("ro systemd.unit={name}"));
        assert_eq!(problems("unit-reference", &early("basic.target")), [""; 0]);
        insta::assert_snapshot!(problems("unit-reference", &early("gone.target")).join("\n"), @"cmdline: systemd.unit=gone.target: there is no such unit");
        let broken = sound
            .unit(
                "c.service",
                "[Unit]\nRequires=gone.service\nOnFailure=alarm.service\n",
            )
            .unit("c.timer", "[Timer]\nUnit=d.service\n")
            .link(
                "etc/systemd/system/multi-user.target.wants/e.service",
                "/lib/systemd/system/e.service",
            );
        insta::assert_snapshot!(problems("unit-reference", &broken).join("\n"), @r"
        /etc/systemd/system/multi-user.target.wants/e.service: it enables e.service, which does not exist
        /usr/lib/systemd/system/c.service: OnFailure=alarm.service: there is no such unit
        /usr/lib/systemd/system/c.service: Requires=gone.service: there is no such unit
        /usr/lib/systemd/system/c.timer: Unit=d.service: there is no such unit
        ");
    }

    #[test]
    fn unknown_users_and_groups_are_told() {
        let sound = Plan::bootable()
            .file(
                "usr/lib/sysusers.d/a.conf",
                "u agent - \"The agent\"\ng tools -\n",
            )
            .unit(
                "a.service",
                "[Service]\nUser=agent\nGroup=tools\nSupplementaryGroups=agent 12\n",
            )
            .unit("d.service", "[Service]\nDynamicUser=yes\nUser=anyone\n")
            .unit("i@.service", "[Service]\nUser=%i\n");
        assert_eq!(problems("unit-user", &sound), [""; 0]);
        let broken = sound
            .unit("b.service", "[Service]\nUser=desktop\nGroup=video\n")
            .unit("c.socket", "[Socket]\nSocketGroup=web\n");
        insta::assert_snapshot!(problems("unit-user", &broken).join("\n"), @r"
        /usr/lib/systemd/system/b.service: Group=video: there is no such group
        /usr/lib/systemd/system/b.service: User=desktop: there is no such user
        /usr/lib/systemd/system/c.socket: SocketGroup=web: there is no such group
        ");
    }
}
