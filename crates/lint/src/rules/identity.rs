//! Identities that must differ between machines and yet are in the image.

use kindling_base::Result;

use crate::facts::Facts;
use crate::rule::{Report, Rule};

pub(super) const BAKED: Rule = Rule {
    name: "baked-identity",
    summary: "the image has no machine-id, ssh host keys or random seed of its own",
    explanation: "All machines of an image share what is baked in: with one machine-id they get one DHCP lease and one \
                  journal name, with one ssh host key each can pass for the others, with one random seed they draw the \
                  same numbers. They are made at first boot or when a machine is cloned.",
    check: baked,
};

const MACHINE_IDS: [&str; 2] = ["/etc/machine-id", "/var/lib/dbus/machine-id"];
const SEEDS: [&str; 2] = [
    "/var/lib/systemd/random-seed",
    "/var/lib/systemd/credential.secret",
];

/// Whether a file is one of those that this rule looks for.
pub(super) fn is_known(path: &str) -> bool {
    MACHINE_IDS.contains(&path) || SEEDS.contains(&path) || path.starts_with("/etc/ssh/ssh_host_")
}

fn baked(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    for path in MACHINE_IDS {
        let text = facts.files.text(path)?.unwrap_or_default();
        if !["", "uninitialized"].contains(&text.trim()) {
            report
                .add(
                    path,
                    "it is the same in every machine; leave it empty or `uninitialized`",
                )
                .of_image();
        }
    }
    for path in SEEDS {
        if facts
            .files
            .0
            .get(path.trim_start_matches('/').as_bytes())
            .is_some()
        {
            report
                .add(path, "it is the same in every machine")
                .of_image();
        }
    }
    for (name, _) in facts.files.list("/etc/ssh") {
        if name.starts_with("ssh_host_") && name.ends_with("_key") {
            report
                .add(
                    format!("/etc/ssh/{name}"),
                    "it is the same in every machine",
                )
                .of_image();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{Plan, problems};

    #[test]
    fn what_identifies_a_machine_is_told() {
        let sound = Plan::bootable()
            .file("etc/machine-id", "uninitialized\n")
            .link("var/lib/dbus/machine-id", "/etc/machine-id")
            .file("etc/ssh/ssh_host_rsa_key.pub.example", "");
        assert_eq!(problems("baked-identity", &sound), [""; 0]);
        let broken = sound
            .file("etc/machine-id", "0123456789abcdef0123456789abcdef\n")
            .file("etc/ssh/ssh_host_ed25519_key", "x")
            .file("var/lib/systemd/random-seed", "x");
        insta::assert_snapshot!(problems("baked-identity", &broken).join("\n"), @r"
        /etc/machine-id: it is the same in every machine; leave it empty or `uninitialized`
        /etc/ssh/ssh_host_ed25519_key: it is the same in every machine
        /var/lib/dbus/machine-id: it is the same in every machine; leave it empty or `uninitialized`
        /var/lib/systemd/random-seed: it is the same in every machine
        ");
    }
}
