//! Whether the guest gets an address, and whether what waits for the network ever goes on.

use kindling_base::Result;

use crate::facts::Facts;
use crate::rule::{Report, Rule};

pub(super) const ADDRESS: Rule = Rule {
    name: "network-address",
    summary: "something in the guest reads ip= from the command line",
    explanation: "The launcher gives each guest its address on the kernel command line. That has no effect unless the \
                  kernel has CONFIG_IP_PNP, or a unit of the boot reads it: kindling-network.service of the overlay \
                  `network`, or systemd-network-generator.service with systemd-networkd.",
    check: address,
};

pub(super) const ONLINE: Rule = Rule {
    name: "network-online",
    summary: "network-online.target is reached, and means something",
    explanation: "A unit that waits for network-online.target waits for nothing where no unit comes before it, and until a \
                  time-out of minutes where a wait-online service runs without the manager that it asks.",
    check: online,
};

/// Units that configure the network as `ip=` says.
const READERS: [&str; 2] = [
    "kindling-network.service",
    "systemd-network-generator.service",
];
/// Services that wait, and the manager without which they wait in vain.
const WAITERS: [(&str, &str); 2] = [
    (
        "systemd-networkd-wait-online.service",
        "systemd-networkd.service",
    ),
    (
        "NetworkManager-wait-online.service",
        "NetworkManager.service",
    ),
];
const TARGET: &str = "network-online.target";

fn address(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    let given = facts.cmdline.value("ip").is_some();
    if !facts.image.network && !given || facts.config.has("IP_PNP") {
        return Ok(());
    }
    let boot = facts.boot();
    if !READERS.iter().any(|unit| boot.has(unit)) {
        let who = if given {
            "it has ip="
        } else {
            "the launcher adds ip="
        };
        let problem = format!(
            "{who}, CONFIG_IP_PNP is off, and neither {} starts at boot: the guest has no address",
            READERS.join(" nor ")
        );
        report.add("cmdline", problem);
    }
    Ok(())
}

fn online(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    let boot = facts.boot();
    for (waiter, manager) in WAITERS {
        if let Some(unit) = boot.units.get(waiter)
            && !boot.has(manager)
        {
            let problem = format!("it starts at boot and waits for {manager}, which does not");
            report.add(unit.path(), problem);
        }
    }
    if !boot.has(TARGET) {
        return Ok(());
    }
    let provided = boot.units.values().any(|unit| {
        let before = unit.names("Before").into_iter();
        before.map(|(_, name)| name).any(|name| name == TARGET)
    });
    let pulls = boot.pulls.get(TARGET);
    if provided
        || pulls.is_some_and(|pulls| {
            pulls
                .iter()
                .any(|name| boot.has(name) && name.ends_with(".service"))
        })
    {
        return Ok(());
    }
    for unit in boot.units.values() {
        let waits = unit
            .names("After")
            .into_iter()
            .find(|(_, name)| *name == TARGET);
        if let Some((path, _)) = waits {
            let problem =
                format!("After={TARGET}, and no unit of the boot brings the network up before it");
            report.add(path, problem);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{Plan, problems};

    #[test]
    fn an_address_that_nobody_reads_is_told() {
        let mut plan = Plan::bootable();
        assert_eq!(problems("network-address", &plan), [""; 0]);
        plan.network = true;
        insta::assert_snapshot!(problems("network-address", &plan).join("\n"), @"cmdline: the launcher adds ip=, CONFIG_IP_PNP is off, and neither kindling-network.service nor systemd-network-generator.service starts at boot: the guest has no address");
        assert_eq!(
            problems("network-address", &plan.clone().config("IP_PNP", "y")),
            [""; 0]
        );
        let read = plan.enabled("kindling-network.service", "[Service]\n");
        assert_eq!(problems("network-address", &read), [""; 0]);
        let said = Plan::bootable().cmdline("console=ttyS0 root=/dev/vda ip=dhcp");
        insta::assert_snapshot!(problems("network-address", &said).join("\n"), @"cmdline: it has ip=, CONFIG_IP_PNP is off, and neither kindling-network.service nor systemd-network-generator.service starts at boot: the guest has no address");
    }

    #[test]
    fn a_network_that_never_comes_online_is_told() {
        let waiting = Plan::bootable()
            .unit("network-online.target", "[Unit]\n")
            .enabled(
                "w.service",
                "[Unit]\nWants=network-online.target\nAfter=network-online.target\n[Service]\n",
            );
        insta::assert_snapshot!(problems("network-online", &waiting).join("\n"), @"/usr/lib/systemd/system/w.service: After=network-online.target, and no unit of the boot brings the network up before it");
        let provided = waiting.clone().enabled(
            "n.service",
            "[Unit]\nBefore=network-online.target\n[Service]\n",
        );
        assert_eq!(problems("network-online", &provided), [""; 0]);
        let vain = waiting
            .unit("systemd-networkd-wait-online.service", "[Unit]\nBefore=network-online.target\n[Service]\n")
            .link(
                "etc/systemd/system/network-online.target.wants/systemd-networkd-wait-online.service",
                "/lib/systemd/system/systemd-networkd-wait-online.service",
            )
            .link("lib", "usr/lib");
        insta::assert_snapshot!(problems("network-online", &vain).join("\n"), @"/usr/lib/systemd/system/systemd-networkd-wait-online.service: it starts at boot and waits for systemd-networkd.service, which does not");
        let managed = vain.enabled("systemd-networkd.service", "[Service]\n");
        assert_eq!(problems("network-online", &managed), [""; 0]);
    }
}
