//! Programs that units execute.

use kindling_base::Result;

use crate::condition::{has_other_root, never_starts};
use crate::facts::Facts;
use crate::finding::Missing;
use crate::rule::{Report, Rule};
use kindling_sysroot::unit::{Unit, program, words};
use kindling_sysroot::{Files, Found, shown};

pub(super) const EXEC: Rule = Rule {
    name: "unit-exec",
    summary: "every program that a unit executes is there and executable",
    explanation: "A unit whose ExecStart= names a missing file fails with 203/EXEC at boot, long after the image was \
                  published. A `-` before the path, or a condition on it that does not hold, says that it may be missing.",
    check: exec,
};

pub(super) const ENVIRONMENT: Rule = Rule {
    name: "unit-environment",
    summary: "every EnvironmentFile= of a unit is there",
    explanation: "A unit whose EnvironmentFile= is missing fails before its program runs. Write `-` before the path if it \
                  may be missing.",
    check: environment,
};

pub(super) const SLEEP: Rule = Rule {
    name: "unit-sleep",
    summary: "no unit waits a fixed time",
    explanation: "A fixed sleep is too short on a busy host and too long on every other: one of 45 s was in a system that \
                  was ready after 10. Order units by real readiness: sockets, Type=notify, path units.",
    check: sleep,
};

/// Keys of `[Service]` whose values are command lines; sockets, mounts and swaps have some of them as well.
const KEYS: [&str; 7] = [
    "ExecCondition",
    "ExecStartPre",
    "ExecStart",
    "ExecStartPost",
    "ExecReload",
    "ExecStop",
    "ExecStopPost",
];
/// Those that the start of a unit does not meet.
const AFTERWARDS: [&str; 3] = ["ExecReload", "ExecStop", "ExecStopPost"];

fn exec(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    for unit in facts.all_units() {
        if never_starts(&facts.files, unit) || has_other_root(unit) {
            continue;
        }
        for (path, key, value) in commands(unit) {
            let Some(program) = program(value).filter(|program| !program.may_fail) else {
                continue;
            };
            if let Some(problem) = missing(&facts.files, &program.name) {
                let seen = report.add(path, format!("{key}={}: {problem}", program.name));
                seen.lacks(Missing::Program(program.name));
                if AFTERWARDS.contains(&key) {
                    seen.later();
                }
            }
        }
    }
    Ok(())
}

fn environment(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    for unit in facts.all_units() {
        if never_starts(&facts.files, unit) || has_other_root(unit) {
            continue;
        }
        for (path, value) in unit.all("Service", "EnvironmentFile") {
            let may_be_missing = value.starts_with('-') || value.contains(['%', '*', '?', '[']);
            if !may_be_missing && !facts.files.may_exist(value) {
                report.add(path, format!("EnvironmentFile={value} does not exist"));
            }
        }
    }
    Ok(())
}

fn sleep(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    for unit in facts.all_units() {
        for (path, key, value) in commands(unit) {
            let words = words(value);
            let is_sleep = |word: &String| word == "sleep" || word.ends_with("/sleep");
            let sleeps = words.windows(2).find(|pair| {
                is_sleep(&pair[0]) && pair[1].starts_with(|c: char| c.is_ascii_digit())
            });
            if let Some(pair) = sleeps
                && key.starts_with("ExecStart")
                && words.iter().position(is_sleep) == Some(0)
            {
                let seen = report.add(path, format!("{key}= waits a fixed {} s", pair[1]));
                seen.later(); // slow, and it starts
            }
        }
    }
    Ok(())
}

/// Command lines with the file and the key that has them.
fn commands(unit: &Unit) -> Vec<(&str, &'static str, &str)> {
    let section = match unit.kind() {
        "socket" => "Socket",
        _ => "Service",
    };
    let values = KEYS.iter().flat_map(|key| {
        let values = unit.all(section, key).into_iter();
        values.map(move |(path, value)| (path, *key, value))
    });
    values.collect()
}

/// Why a program cannot be executed.
fn missing(files: &Files<'_>, name: &str) -> Option<String> {
    if !name.contains('/') {
        let on_path = files.on_path(name).is_some();
        return (!on_path).then(|| "no folder of systemd's PATH has it".to_owned());
    }
    match files.find(name) {
        Found::AtRunTime => None,
        Found::Nothing(at) if shown(&at) == name => Some("it does not exist".to_owned()),
        Found::Nothing(at) => Some(format!("it leads to {}, which does not exist", shown(&at))),
        Found::Entry(_, entry) if files.is_executable(entry) => None,
        Found::Entry(..) => Some("it is not executable".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{Plan, problems};

    #[test]
    fn programs_that_are_missing_or_not_executable_are_told() {
        let sound = Plan::bootable()
            .program("usr/local/bin/agent", "#!/bin/sh\n")
            .link("usr/bin/alias", "/usr/local/bin/agent")
            .unit(
                "a.service",
                "[Service]\nExecStart=/usr/bin/alias --x\nExecStartPre=-/no/such\nExecStop=agent\n",
            )
            .unit(
                "run.service",
                "[Service]\nExecStart=/run/made/later\nExecStartPost=/opt/%i/x\n",
            )
            .unit(
                "cond.service",
                "[Unit]\nConditionPathExists=/opt/x\n[Service]\nExecStart=/opt/x\n",
            )
            .unit(
                "kmod.service",
                "[Unit]\nConditionFileNotEmpty=/lib/modules/%v/x\n[Service]\nExecStart=/bin/kmod\n",
            )
            .unit("reset.service", "[Service]\nExecStart=/no/such\n")
            .file(
                "etc/systemd/system/reset.service.d/o.conf",
                "[Service]\nExecStart=\nExecStart=!/bin/sh -c x\n",
            )
            .unit("t@.service", "[Service]\nExecStart=/bin/sh %i\n");
        assert_eq!(problems("unit-exec", &sound), [""; 0]);
        let broken = sound
            .unit(
                "gone.service",
                "[Service]\nExecStart=@/usr/bin/agent2 agent\nExecReload=kill2 x\n",
            )
            .file("usr/bin/data", "x")
            .unit("mode.service", "[Service]\nExecStart=/bin/data\n")
            .link("usr/bin/dangling", "/opt/app/bin")
            .file(
                "usr/lib/systemd/user/u.service",
                "[Service]\nExecStart=/usr/bin/dangling\n",
            )
            .file(
                "etc/systemd/system/a.service.d/x.conf",
                "[Service]\nExecStartPost=/usr/bin/x11vnc2\n",
            );
        insta::assert_snapshot!(problems("unit-exec", &broken).join("\n"), @r"
        /etc/systemd/system/a.service.d/x.conf: ExecStartPost=/usr/bin/x11vnc2: it does not exist
        /usr/lib/systemd/system/gone.service: ExecReload=kill2: no folder of systemd's PATH has it
        /usr/lib/systemd/system/gone.service: ExecStart=/usr/bin/agent2: it does not exist
        /usr/lib/systemd/system/mode.service: ExecStart=/bin/data: it is not executable
        /usr/lib/systemd/user/u.service: ExecStart=/usr/bin/dangling: it leads to /opt/app/bin, which does not exist
        ");
    }

    #[test]
    fn a_missing_environment_file_is_told() {
        let sound = Plan::bootable().file("etc/default/a", "A=1").unit(
            "a.service",
            "[Service]\nEnvironmentFile=/etc/default/a\nEnvironmentFile=-/etc/default/b\n",
        );
        assert_eq!(problems("unit-environment", &sound), [""; 0]);
        let broken = sound.unit("b.service", "[Service]\nEnvironmentFile=/etc/default/b\n");
        insta::assert_snapshot!(problems("unit-environment", &broken).join("\n"), @"/usr/lib/systemd/system/b.service: EnvironmentFile=/etc/default/b does not exist");
    }

    #[test]
    fn a_fixed_sleep_is_told() {
        let sound = Plan::bootable().unit("a.service", "[Service]\nExecStart=/bin/sh -c x\n");
        assert_eq!(problems("unit-sleep", &sound), [""; 0]);
        let broken = sound.unit(
            "b.service",
            "[Service]\nExecStartPre=/bin/sleep 45\nExecStart=/bin/sh\n",
        );
        insta::assert_snapshot!(problems("unit-sleep", &broken).join("\n"), @"/usr/lib/systemd/system/b.service: ExecStartPre= waits a fixed 45 s");
    }
}
