//! Kernel options that programs of the image ask for: container engines, filters, tunnels, file systems.

use kindling_base::Result;

use crate::facts::Facts;
use crate::kconfig::State;
use crate::rule::{Report, Rule};

pub(super) const OPTIONS: Rule = Rule {
    name: "kernel-feature",
    summary: "the kernel has what engines, filters, tunnels and file systems of the image ask for",
    explanation: "Programs that are there for a feature of the kernel fail where it is off, and name something else: dockerd says \
                  `Failed to initialize nft`. Our kernels have what a boot needs; a fragment of kernel-config/ brings each of \
                  these: [kernel] fragments = [\"firewall\", \"containers\"]. A kernel of the distribution has them as modules.",
    check: options,
};

/// Programs for features of the kernel.
struct Engine {
    /// Paths of the programs that show it is there.
    programs: &'static [&'static str],
    /// Fragments of kernel-config/ that it needs.
    fragments: &'static [&'static str],
}

/// Sources: Docker's contrib/check-config.sh, netavark's and libvirt's documentation, wg-quick(8), ufw's check-requirements, and
/// what the programs said on a kernel without.
const ENGINES: [Engine; 9] = [
    Engine {
        programs: &[
            "/usr/sbin/dockerd",
            "/usr/bin/dockerd",
            "/usr/bin/podman",
            "/usr/bin/containerd",
            "/usr/bin/lxc-start",
            "/usr/bin/incusd",
        ],
        fragments: &["firewall", "containers"],
    },
    Engine {
        programs: &["/usr/sbin/libvirtd"],
        fragments: &["firewall", "kvm"],
    },
    Engine {
        programs: &[
            "/usr/sbin/ufw",
            "/usr/bin/fail2ban-server",
            "/usr/sbin/firewalld",
            "/usr/sbin/netfilter-persistent",
            "/usr/sbin/nft",
            "/usr/sbin/xtables-nft-multi",
        ],
        fragments: &["firewall"],
    },
    Engine {
        programs: &["/usr/bin/wg"],
        fragments: &["wireguard"],
    },
    Engine {
        programs: &["/usr/sbin/ipsec", "/usr/sbin/charon-systemd"],
        fragments: &["ipsec"],
    },
    Engine {
        programs: &["/usr/bin/fusermount3", "/usr/bin/fusermount"],
        fragments: &["fuse"],
    },
    Engine {
        programs: &["/usr/sbin/mount.nfs", "/usr/sbin/rpc.nfsd"],
        fragments: &["nfs"],
    },
    Engine {
        programs: &["/usr/lib/snapd/snapd"],
        fragments: &["media", "fuse"],
    },
    Engine {
        programs: &["/usr/bin/qemu-system-x86_64"],
        fragments: &["kvm"],
    },
];

/// Options of a fragment without which its programs do not work; the fragment has more, for those that do part of their work
/// without. A test compares them with kernel-config/.
const FRAGMENTS: [(&str, &[&str]); 8] = [
    (
        "firewall",
        &[
            "NF_CONNTRACK",
            "NF_NAT",
            "NF_TABLES",
            "NFT_CT",
            "NFT_MASQ",
            "NFT_NAT",
            "NFT_COMPAT",
            "NETFILTER_XT_MATCH_ADDRTYPE",
            "NETFILTER_XT_MATCH_CONNTRACK",
        ],
    ),
    (
        "containers",
        &[
            "BRIDGE",
            "VETH",
            "BRIDGE_NETFILTER",
            "OVERLAY_FS",
            "MEMCG",
            "CGROUP_PIDS",
            "CGROUP_BPF",
            "POSIX_MQUEUE",
            "KEYS",
        ],
    ),
    ("wireguard", &["WIREGUARD"]),
    ("fuse", &["FUSE_FS"]),
    ("nfs", &["NFS_FS", "NFS_V4"]),
    ("kvm", &["KVM", "TUN", "BRIDGE"]),
    ("media", &["BLK_DEV_LOOP", "SQUASHFS", "SQUASHFS_XZ"]),
    ("ipsec", &["XFRM_USER", "INET_ESP", "CRYPTO_GCM"]),
];

fn options(facts: &Facts<'_>, report: &mut Report) -> Result<()> {
    for engine in &ENGINES {
        let mut missing = Vec::new();
        let mut wanted = Vec::new();
        for name in engine.fragments {
            let options = FRAGMENTS.iter().find(|(fragment, _)| fragment == name);
            let options = options.into_iter().flat_map(|(_, options)| *options);
            let off: Vec<&str> = options
                .filter(|option| facts.config.state(option) == State::Absent)
                .copied()
                .collect();
            if !off.is_empty() {
                wanted.push(*name);
                missing.extend(off);
            }
        }
        // One that was asked for says it for all.
        let there = || {
            let programs = engine.programs.iter();
            programs.filter(|path| facts.files.is_program(path))
        };
        let asked = there().find(|path| facts.is_requested(path));
        let Some(path) = asked
            .or_else(|| there().next())
            .filter(|_| !missing.is_empty())
        else {
            continue;
        };
        let problem = format!("the kernel lacks CONFIG_{}", missing.join(", CONFIG_"));
        let verb = if wanted.len() == 1 {
            "the fragment brings"
        } else {
            "the fragments bring"
        };
        let list = wanted.join("\", \"");
        let remedy = format!("{verb} them: [kernel] fragments = [\"{list}\"]");
        let seen = report.add(*path, problem).remedy(remedy).mild();
        if asked.is_some() {
            seen.of_image();
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules::testing::{Plan, notes, warnings};

    fn fragment(name: &str) -> Vec<String> {
        let path = format!("../../kernel-config/{name}.config");
        let text = std::fs::read_to_string(path).unwrap();
        let lines = text.lines().filter_map(|line| line.strip_prefix("CONFIG_"));
        lines
            .filter_map(|line| Some(line.strip_suffix("=y")?.to_owned()))
            .collect()
    }

    #[test]
    fn every_option_is_in_the_fragment_that_is_said_to_bring_it() {
        for (name, options) in FRAGMENTS {
            let has = fragment(name);
            for option in options {
                assert!(has.iter().any(|one| one == option), "{name} lacks {option}");
            }
        }
        let mut named = ENGINES.iter().flat_map(|engine| engine.fragments);
        assert!(named.all(|name| FRAGMENTS.iter().any(|(one, _)| one == name)));
    }

    #[test]
    fn an_engine_without_its_options_is_told_with_the_fragments() {
        let rule = OPTIONS.name;
        let plan = Plan::bootable()
            .program("usr/sbin/dockerd", "#!/bin/sh\n")
            .config("OVERLAY_FS", "y")
            .enabled("docker.service", "[Service]\nExecStart=/usr/sbin/dockerd\n")
            .package("docker.io", "");
        insta::assert_snapshot!(warnings(rule, &plan).join("\n"), @r#"kernel-feature: /usr/sbin/dockerd: the kernel lacks CONFIG_NF_CONNTRACK, CONFIG_NF_NAT, CONFIG_NF_TABLES, CONFIG_NFT_CT, CONFIG_NFT_MASQ, CONFIG_NFT_NAT, CONFIG_NFT_COMPAT, CONFIG_NETFILTER_XT_MATCH_ADDRTYPE, CONFIG_NETFILTER_XT_MATCH_CONNTRACK, CONFIG_BRIDGE, CONFIG_VETH, CONFIG_BRIDGE_NETFILTER, CONFIG_MEMCG, CONFIG_CGROUP_PIDS, CONFIG_CGROUP_BPF, CONFIG_POSIX_MQUEUE, CONFIG_KEYS (the fragments bring them: [kernel] fragments = ["firewall", "containers"])"#);
        let all = ["firewall", "containers"].map(fragment).concat();
        let sound = all
            .iter()
            .fold(plan, |plan, option| plan.config(option, "m"));
        assert_eq!(warnings(rule, &sound), [""; 0]);

        let tool = Plan::bootable()
            .program("usr/bin/wg", "#!/bin/sh\n")
            .package("wireguard-tools", "");
        assert_eq!(warnings(rule, &tool), [""; 0]);
        insta::assert_snapshot!(notes(rule, &tool).join("\n"), @r#"kernel-feature: /usr/bin/wg: the kernel lacks CONFIG_WIREGUARD (the fragment brings them: [kernel] fragments = ["wireguard"])"#);
        assert_eq!(warnings(rule, &tool.requested("wireguard-tools")).len(), 1);
    }
}
