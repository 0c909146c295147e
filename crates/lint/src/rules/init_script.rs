//! Scripts and tables that need a generator of systemd, in images where that generator does not run.

use kindling_base::Result;

use crate::facts::Facts;
use crate::rule::{Report, Rule};
use kindling_sysroot::generators;
use kindling_sysroot::{Files, Found};

pub(super) const STARTED: Rule = Rule {
    name: "init-script",
    summary: "scripts of SysV init, rc.local and crypttab are honoured by something",
    explanation: "systemd starts a script of /etc/init.d, /etc/rc.local, and opens the devices of /etc/crypttab, by units that \
                  its generators make at boot. The overlay `base` masks these generators (etc/systemd/system-generators), as \
                  each takes time at every boot and has nothing to do. Write a unit, or take the mask away by a file of the \
                  same name in an overlay of the recipe.",
    check: started,
};

/// Run levels whose scripts a boot starts, as targets of systemd.
const LEVELS: [&str; 5] = [
    "etc/rcS.d",
    "etc/rc2.d",
    "etc/rc3.d",
    "etc/rc4.d",
    "etc/rc5.d",
];

fn started(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    let files = &facts.files;
    let generators = generators(files);
    if !generators.contains_key("systemd-sysv-generator") {
        for script in scripts(files) {
            let name = script.strip_suffix(".sh").unwrap_or(&script);
            let unit = format!("{name}.service");
            if facts.system.get(&unit).is_none() && !facts.system.is_masked(&unit) {
                let problem = format!(
                    "nothing starts it: there is no {unit}, and systemd-sysv-generator does not run"
                );
                report
                    .add(format!("/etc/init.d/{script}"), problem)
                    .of_image()
                    .remedy(remedy("sysv"));
            }
        }
    }
    let local = "/etc/rc.local";
    if let Found::Entry(_, entry) = files.find(local)
        && files.is_executable(entry)
        && !generators.contains_key("systemd-rc-local-generator")
    {
        report
            .add(
                local,
                "nothing runs it: systemd-rc-local-generator does not run",
            )
            .of_image()
            .remedy(remedy("rc-local"));
    }
    let crypttab = "/etc/crypttab";
    let entries = files.text(crypttab)?.unwrap_or_default();
    let mut lines = entries.lines().map(str::trim);
    if lines.any(|line| !line.is_empty() && !line.starts_with('#'))
        && !generators.contains_key("systemd-cryptsetup-generator")
    {
        report
            .add(
                crypttab,
                "nothing opens its devices: systemd-cryptsetup-generator does not run",
            )
            .of_image()
            .remedy(remedy("cryptsetup"));
    }
    Ok(())
}

/// A way to have a generator run that the overlay `base` masks.
fn remedy(name: &str) -> String {
    let generator = format!("systemd-{name}-generator");
    let folder = "etc/systemd/system-generators";
    format!(
        "write a unit in an overlay; or have the generator run: a link {folder}/{generator} to \
         /usr/lib/systemd/system-generators/{generator} in an overlay of the recipe takes away the mask of `base`"
    )
}

/// Names in /etc/init.d of the scripts that a run level starts, each once.
fn scripts(files: &Files<'_>) -> Vec<String> {
    let links = LEVELS.iter().flat_map(|level| files.list(level));
    let names = links.filter_map(|(link, _)| {
        // S, two digits, and the name.
        let name = link.strip_prefix('S')?.get(2..)?;
        (!name.is_empty()).then(|| name.to_owned())
    });
    let mut names: Vec<String> = names.collect();
    names.sort();
    names.dedup();
    names
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Plan, problems};

    const SYSV: &str = "etc/systemd/system-generators/systemd-sysv-generator";

    /// A root with what the three generators would honour, and the generators.
    fn plan() -> Plan {
        let mut plan = Plan::bootable()
            .unit("new.service", "[Service]\nExecStart=/usr/bin/sh\n")
            .link("etc/rc2.d/S01new.sh", "../init.d/new.sh")
            .link("etc/rc2.d/S01old", "../init.d/old")
            .link("etc/rc0.d/K01gone", "../init.d/gone")
            .program("etc/rc.local", "#!/bin/sh\n")
            .file("etc/crypttab", "# name device\ndata /dev/vdb none\n");
        for name in ["sysv", "rc-local", "cryptsetup"] {
            let path = format!("usr/lib/systemd/system-generators/systemd-{name}-generator");
            plan = plan.program(&path, "#!/bin/sh\n");
        }
        plan
    }

    #[test]
    fn what_a_masked_generator_would_honour_is_told() {
        assert_eq!(problems("init-script", &plan()), [""; 0]);
        let masked = ["sysv", "rc-local", "cryptsetup"]
            .into_iter()
            .fold(plan(), |plan, name| {
                let path = format!("etc/systemd/system-generators/systemd-{name}-generator");
                plan.link(&path, "/dev/null")
            });
        insta::assert_snapshot!(problems("init-script", &masked).join("\n"), @r"
        /etc/crypttab: nothing opens its devices: systemd-cryptsetup-generator does not run
        /etc/init.d/old: nothing starts it: there is no old.service, and systemd-sysv-generator does not run
        /etc/rc.local: nothing runs it: systemd-rc-local-generator does not run
        ");
        let only_sysv = plan().link(SYSV, "/dev/null");
        let mended = only_sysv.unit("old.service", "[Service]\nExecStart=/usr/bin/sh\n");
        assert_eq!(problems("init-script", &mended), [""; 0]);
    }
}
