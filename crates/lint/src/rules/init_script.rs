//! Scripts and tables that need a generator of systemd, in images where that generator does not run.

use kindling_base::Result;

use crate::facts::Facts;
use crate::rule::{Report, Rule};
use kindling_sysroot::{Served, generators, served};

pub(super) const STARTED: Rule = Rule {
    name: "init-script",
    summary: "scripts of SysV init, rc.local and crypttab are honoured by something",
    explanation: "systemd starts a script of /etc/init.d, /etc/rc.local, and opens the devices of /etc/crypttab, by units that \
                  its generators make at boot. The overlay `base` masks these generators (etc/systemd/system-generators), as \
                  each takes time at every boot and has nothing to do; a build takes a mask away where the image has \
                  something for its generator. Found is what lacks the generator itself, such as one of a package \
                  that is not there.",
    check: started,
};

fn started(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    let generators = generators(&facts.files);
    for Served { generator, path } in served(&facts.files, &facts.system)? {
        if generators.contains_key(generator) {
            continue;
        }
        let problem = match path.strip_prefix("/etc/init.d/") {
            Some(script) => {
                let name = script.strip_suffix(".sh").unwrap_or(script);
                format!(
                    "nothing starts it: there is no {name}.service, and {generator} does not run"
                )
            }
            None if path == "/etc/rc.local" => {
                format!("nothing runs it: {generator} does not run")
            }
            None => format!("nothing opens its devices: {generator} does not run"),
        };
        let seen = report.add(path, problem).of_image();
        seen.remedy(remedy(generator));
    }
    Ok(())
}

/// A way to mend it.
fn remedy(generator: &str) -> String {
    format!(
        "write a unit of that name in an overlay, or have the generator run: take the mask \
         etc/systemd/system-generators/{generator} out of the recipe's overlays"
    )
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
