//! The filter of the guests' frames and packets: one file that nft loads as a whole, in one transaction.

use std::fmt::Write;
use std::path::Path;

use kindling_base::{Command, Context, Reporter, Result, files};
use kindling_host::{self as host, HostPackage, Proof};

use super::{Lease, Leases, NetworkConfig};

const PROGRAM: &str = "nft";

const PACKAGE: HostPackage = HostPackage {
    name: "nftables",
    proof: Proof::Program(PROGRAM),
    reason: "to filter and translate what guests send",
};

/// Installs nft if it is missing.
///
/// # Errors
/// It is missing and may not be installed, or apt failed.
pub fn ensure(install: bool, reporter: &dyn Reporter) -> Result<()> {
    host::ensure(&[PACKAGE], install, reporter)
}

/// Loads the filter for all leases, and lets the kernel forward packets where guests use NAT.
pub(super) fn load(config: &NetworkConfig, leases: &Leases) -> Result<()> {
    leases.while_unchanged(|all| {
        let path = leases.folder().join("rules.nft");
        files::write_atomic(&path, rules(config, all).as_bytes(), 0o644)?;
        Command::new(PROGRAM).arg("-f").arg(&path).run()
    })?;
    if config.nat {
        let path = Path::new("/proc/sys/net/ipv4/ip_forward");
        if files::read_text(path)?.trim() == "0" {
            std::fs::write(path, "1").context(format!("cannot write {}", path.display()))?;
        }
    }
    Ok(())
}

/// The file: empties our tables and fills them anew.
fn rules(config: &NetworkConfig, live: &[Lease]) -> String {
    let bridge = &config.bridge;
    let table = format!("kindling_{}", bridge.replace(['-', '.'], "_"));
    let mut text =
        String::from("# Written by kindling; loaded as a whole whenever a VM comes or goes.\n");
    for family in ["inet", "bridge"] {
        // Adding first makes deleting possible whether or not it was there.
        let _ = writeln!(
            text,
            "add table {family} {table}\ndelete table {family} {table}"
        );
    }
    let _ = writeln!(text, "table inet {table} {{");
    chain(&mut text, "egress", &egress(config));
    chain(&mut text, "forward", &forward(config));
    if config.nat {
        let subnet = config.address.network();
        let rules = [
            "type nat hook postrouting priority srcnat; policy accept;".to_owned(),
            format!("ip saddr {subnet} oifname != \"{bridge}\" masquerade"),
        ];
        chain(&mut text, "postrouting", &rules);
    }
    text.push_str("}\n");
    // A guest that takes another's address would get its packets: each TAP may send only as what it was leased.
    let _ = writeln!(text, "table bridge {table} {{");
    text.push_str("    set leased {\n        typeof iifname . ether saddr . ip saddr\n");
    if !live.is_empty() {
        let element = |lease: &Lease| {
            format!(
                "\"{}\" . {} . {}",
                lease.tap, lease.mac, lease.address.address
            )
        };
        let elements: Vec<_> = live.iter().map(element).collect();
        let _ = writeln!(
            text,
            "        elements = {{ {} }}",
            elements.join(",\n                     ")
        );
    }
    text.push_str("    }\n");
    let taps: Vec<_> = live
        .iter()
        .map(|lease| format!("\"{}\"", lease.tap))
        .collect();
    let mut rules = vec!["type filter hook prerouting priority filter; policy accept;".to_owned()];
    if !taps.is_empty() {
        let taps = taps.join(", ");
        rules.push(format!(
            "iifname {{ {taps} }} ether type ip iifname . ether saddr . ip saddr != @leased drop"
        ));
        rules.push(format!(
            "iifname {{ {taps} }} ether type arp iifname . arp saddr ether . arp saddr ip != @leased drop"
        ));
    }
    chain(&mut text, "prerouting", &rules);
    text.push_str("}\n");
    text
}

fn forward(config: &NetworkConfig) -> Vec<String> {
    let bridge = &config.bridge;
    let mut rules = vec!["type filter hook forward priority filter; policy accept;".to_owned()];
    if config.isolate {
        // Ports of the bridge are isolated already; this closes the way round over the gateway.
        rules.push(format!("iifname \"{bridge}\" oifname \"{bridge}\" drop"));
    }
    rules.push(format!(
        "iifname \"{bridge}\" oifname != \"{bridge}\" jump egress"
    ));
    rules.push(format!(
        "oifname \"{bridge}\" iifname != \"{bridge}\" ct state established,related accept"
    ));
    rules.push(format!("oifname \"{bridge}\" iifname != \"{bridge}\" drop"));
    rules
}

fn egress(config: &NetworkConfig) -> Vec<String> {
    if !config.nat {
        return vec!["drop".to_owned()];
    }
    let Some(allowed) = &config.egress else {
        return vec!["accept".to_owned()];
    };
    let mut rules = vec!["ct state established,related accept".to_owned()];
    for egress in allowed {
        let to = egress.to.network();
        rules.push(match egress.port {
            Some(port) => {
                format!("ip daddr {to} meta l4proto {{ tcp, udp }} th dport {port} accept")
            }
            None => format!("ip daddr {to} accept"),
        });
    }
    // An answer at once is kinder to the guest's programs than silence.
    rules.push("reject with icmpx admin-prohibited".to_owned());
    rules
}

fn chain(text: &mut String, name: &str, rules: &[String]) {
    let _ = writeln!(text, "    chain {name} {{");
    for rule in rules {
        let _ = writeln!(text, "        {rule}");
    }
    text.push_str("    }\n");
}
