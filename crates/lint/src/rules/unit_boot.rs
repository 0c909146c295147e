//! Circles in the order of a boot.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, VecDeque};

use kindling_base::Result;
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};

use crate::facts::Facts;
use crate::rule::{Report, Rule};
use kindling_sysroot::unit::{Boot, Unit, Units};

pub(super) const CYCLE: Rule = Rule {
    name: "unit-cycle",
    summary: "the units of a boot can be put into an order",
    explanation: "Where units wait for each other in a circle, systemd drops one of their jobs to go on: which one may \
                  differ from boot to boot, and what was dropped does not run. Implied dependencies are counted: services \
                  come after sysinit.target and basic.target, targets after what they pull in.",
    check: cycle,
};

fn cycle(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    let boot = facts.boot();
    let mut graph = DiGraph::<&str, ()>::new();
    let nodes: BTreeMap<&str, NodeIndex> = boot
        .units
        .keys()
        .map(|name| (name.as_str(), graph.add_node(name)))
        .collect();
    for (first, second) in order(&boot, &facts.system) {
        if let (Some(&a), Some(&b)) = (nodes.get(first.as_str()), nodes.get(second.as_str())) {
            graph.update_edge(a, b, ());
        }
    }
    for component in tarjan_scc(&graph) {
        let own = graph.contains_edge(component[0], component[0]);
        if component.len() == 1 && !own {
            continue;
        }
        // Named by its first unit, so that the finding is the same each time.
        let start = component.iter().min_by_key(|&&node| graph[node]);
        let Some(&start) = start else { continue };
        let circle: Vec<&str> = circle(&graph, start)
            .into_iter()
            .map(|n| graph[n])
            .collect();
        let path = boot.units.get(graph[start]).map_or("", |unit| unit.path());
        let problem = format!(
            "each of these starts before the next: {}",
            circle.join(" -> ")
        );
        report.add(path, problem).of_image();
    }
    Ok(())
}

/// The shortest way from a node back to it, both ends included.
fn circle(graph: &DiGraph<&str, ()>, start: NodeIndex) -> Vec<NodeIndex> {
    let mut from: BTreeMap<NodeIndex, NodeIndex> = BTreeMap::new();
    let mut open = VecDeque::from([start]);
    while let Some(node) = open.pop_front() {
        let mut next: Vec<NodeIndex> = graph.neighbors(node).collect();
        next.sort_by_key(|&node| graph[node]);
        for next in next {
            if next == start {
                let mut way = vec![start, node];
                let mut at = node;
                while at != start {
                    at = from[&at];
                    way.push(at);
                }
                if node == start {
                    way.pop();
                }
                way.reverse();
                return way;
            }
            if let Entry::Vacant(unseen) = from.entry(next) {
                unseen.insert(node);
                open.push_back(next);
            }
        }
    }
    vec![start]
}

/// Pairs of units of which the first starts before the second.
fn order(boot: &Boot<'_>, units: &Units) -> BTreeSet<(String, String)> {
    let own = |name: &str| match units.get(name) {
        Some(unit) if !unit.name.contains("@.") => unit.name.clone(),
        _ => name.to_owned(),
    };
    let mut said = BTreeSet::new();
    for (name, unit) in &boot.units {
        for (_, other) in unit.names("After") {
            said.insert((own(other), name.clone()));
        }
        for (_, other) in unit.names("Before") {
            said.insert((name.clone(), own(other)));
        }
        for (first, second) in implied(name, unit) {
            said.insert((first, second));
        }
    }
    // A target comes after what it pulls in, unless one of them has no default dependencies or their order is said
    // to be the other way round (systemd.target(5)).
    let mut all = said.clone();
    for (name, unit) in &boot.units {
        if unit.kind() != "target" || unit.is_off("Unit", "DefaultDependencies") {
            continue;
        }
        for other in &boot.pulls[name] {
            let Some(pulled) = boot.units.get(other) else {
                continue;
            };
            let opposite = said.contains(&(name.clone(), other.clone()));
            if !opposite && !pulled.is_off("Unit", "DefaultDependencies") {
                all.insert((other.clone(), name.clone()));
            }
        }
    }
    all
}

/// The order that a unit's type implies (systemd.service(5) and its like, "Implicit" and "Default Dependencies").
fn implied(name: &str, unit: &Unit) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    let mut pair = |first: &str, second: &str| pairs.push((first.to_owned(), second.to_owned()));
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    if unit.kind() == "socket" {
        let service = unit.last("Socket", "Service").map(str::to_owned);
        pair(name, &service.unwrap_or_else(|| format!("{stem}.service")));
    }
    if unit.is_off("Unit", "DefaultDependencies") {
        return pairs;
    }
    match unit.kind() {
        "service" => {
            pair("sysinit.target", name);
            pair("basic.target", name);
        }
        "socket" => {
            pair("sysinit.target", name);
            pair(name, "sockets.target");
        }
        "timer" => {
            pair("sysinit.target", name);
            pair(name, "timers.target");
        }
        "path" => {
            pair("sysinit.target", name);
            pair(name, "paths.target");
        }
        _ => {}
    }
    pairs
}

#[cfg(test)]
mod tests {
    use crate::rules::testing::{Plan, problems};

    #[test]
    fn circles_are_told_and_opposite_orders_of_targets_are_none() {
        let sound = Plan::bootable()
            .enabled(
                "ready.service",
                "[Unit]\nAfter=multi-user.target\n[Service]\n",
            )
            .enabled("a.service", "[Unit]\nAfter=b.service\n[Service]\n")
            .unit("b.service", "[Unit]\nAfter=c.service\n[Service]\n")
            .unit("c.service", "[Unit]\nAfter=a.service\n[Service]\n");
        assert_eq!(
            problems("unit-cycle", &sound),
            [""; 0],
            "b and c are not started"
        );
        let broken = sound
            .enabled("c.service", "[Unit]\nAfter=a.service\n[Service]\n")
            .enabled("b.service", "[Unit]\nAfter=c.service\n[Service]\n");
        insta::assert_snapshot!(problems("unit-cycle", &broken).join("\n"), @"/usr/lib/systemd/system/a.service: each of these starts before the next: a.service -> c.service -> b.service -> a.service");
    }

    #[test]
    fn a_link_to_dev_null_takes_a_want_back() {
        let wanted = Plan::bootable()
            .unit("late.service", "[Unit]\nAfter=ready.service\n[Service]\n")
            .link(
                "usr/lib/systemd/system/multi-user.target.wants/late.service",
                "../late.service",
            )
            .enabled(
                "ready.service",
                "[Unit]\nAfter=multi-user.target\nWants=late.service\n[Service]\n",
            );
        let circle = problems("unit-cycle", &wanted).join("\n");
        assert!(
            circle.contains("late.service -> multi-user.target"),
            "{circle}"
        );
        let sound = wanted.link(
            "etc/systemd/system/multi-user.target.wants/late.service",
            "/dev/null",
        );
        assert_eq!(problems("unit-cycle", &sound), [""; 0]);
    }

    /// A unit of an overlay of ours.
    fn ours(name: &str) -> String {
        let folder = "../../rootfs-overlays/ready/usr/lib/systemd/system";
        std::fs::read_to_string(format!("{folder}/{name}")).unwrap()
    }

    #[test]
    fn services_after_logind_do_not_wait_for_our_marker() {
        let plan = Plan::bootable()
            .enabled("kindling-ready.service", &ours("kindling-ready.service"))
            .unit("kindling-late.timer", &ours("kindling-late.timer"))
            .unit("kindling-late.target", &ours("kindling-late.target"))
            .unit("network-online.target", "[Unit]\n")
            .unit("systemd-logind.service", "[Service]\nExecStart=/bin/sh\n");
        let after = "[Unit]\nAfter=systemd-logind.service\n[Service]\n";
        let wants =
            "[Unit]\nWants=systemd-logind.service\nAfter=systemd-logind.service\n[Service]\n";
        for unit in [after, wants] {
            let plan = plan.clone().enabled("unattended.service", unit);
            assert_eq!(problems("unit-cycle", &plan), [""; 0]);
        }
    }

    #[test]
    fn an_early_service_with_default_dependencies_is_a_circle() {
        let sound = Plan::bootable().enabled(
            "early.service",
            "[Unit]\nDefaultDependencies=no\nBefore=sysinit.target\n[Service]\n",
        );
        assert_eq!(problems("unit-cycle", &sound), [""; 0]);
        let broken = Plan::bootable().enabled(
            "early.service",
            "[Unit]\nBefore=sysinit.target\n[Service]\n",
        );
        insta::assert_snapshot!(problems("unit-cycle", &broken).join("\n"), @"/usr/lib/systemd/system/basic.target: each of these starts before the next: basic.target -> early.service -> sysinit.target -> basic.target");
    }
}
