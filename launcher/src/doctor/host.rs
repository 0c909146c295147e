//! Requirements of the host: rights, networks, control groups, memory and disk.

use std::fs::File;
use std::path::Path;

use kindling_base::{Context, Result, files};
use rustix::io::Errno;
use rustix::thread::CapabilitySet;

use super::requirement::Requirement;
use crate::config;
use crate::host::Memory;
use crate::vmm::firecracker::cgroup;

/// Free space below which a VM whose disk is a whole copy of a desktop's may fill the disk.
const ROOMY: u64 = 10 << 30;

/// Free memory in MiB below which a guest of the usual size does not fit.
const ROOMY_MIB: u64 = 1024;

pub(super) fn privileges() -> Requirement {
    let root = rustix::process::geteuid().is_root();
    let network = rustix::thread::capabilities(None)
        .is_ok_and(|sets| sets.effective.contains(CapabilitySet::NET_ADMIN));
    match (root, network) {
        (true, true) => {
            Requirement::ok("privileges", "root", "TAPs, a bridge and jails can be made")
        }
        (false, true) => Requirement::limited(
            "privileges",
            "CAP_NET_ADMIN, not root",
            "TAPs can be made, jails cannot",
            "run as root for --jail",
        ),
        (root, false) => Requirement::limited(
            "privileges",
            if root {
                "root without CAP_NET_ADMIN"
            } else {
                "an ordinary user"
            },
            "guests get QEMU's user-mode network; no TAPs, no jails",
            "run as root for --network tap and --jail",
        ),
    }
}

pub(super) fn tun() -> Requirement {
    let device = "/dev/net/tun";
    match File::options().read(true).write(true).open(device) {
        Ok(_) => Requirement::ok("TUN", format!("{device} opens"), "guests can have TAPs"),
        Err(error) => Requirement::limited(
            "TUN",
            format!("{device}: {error}"),
            "no TAPs: guests get QEMU's user-mode network",
            "`modprobe tun`, and run as root",
        ),
    }
}

pub(super) fn bridge() -> Requirement {
    let name = match config::network() {
        Ok(network) => network.bridge,
        Err(error) => {
            return Requirement::missing(
                "bridge",
                error.to_string(),
                "VMs with TAPs do not start",
                error
                    .advice()
                    .unwrap_or("correct the configuration")
                    .to_owned(),
            );
        }
    };
    let device = Path::new("/sys/class/net").join(&name);
    match (device.exists(), device.join("bridge").exists()) {
        (_, true) => Requirement::ok(
            "bridge",
            format!("{name} is there"),
            "TAPs are attached to it",
        ),
        (false, _) => Requirement::ok(
            "bridge",
            format!("there is no {name} yet"),
            "the first VM with a TAP makes it",
        ),
        (true, false) => Requirement::missing(
            "bridge",
            format!("{name} is a network device, but no bridge"),
            "VMs with TAPs do not start",
            "name another one in ~/.config/kindling/config.toml: [network] bridge",
        ),
    }
}

pub(super) fn cgroups() -> Requirement {
    let Some(mount) = cgroup::mount() else {
        return Requirement::limited(
            "cgroups",
            "no hierarchy of version 2 is mounted",
            "jailed VMs have no limits of their own",
            "boot the host with systemd.unified_cgroup_hierarchy=1",
        );
    };
    let controllers = files::read_text(&mount.join("cgroup.controllers")).unwrap_or_default();
    let lacking: Vec<&str> = ["memory", "pids"]
        .into_iter()
        .filter(|wanted| !controllers.split_whitespace().any(|has| has == *wanted))
        .collect();
    let found = format!(
        "version 2 at {} with: {}",
        mount.display(),
        controllers.trim()
    );
    if lacking.is_empty() {
        return Requirement::ok(
            "cgroups",
            found,
            "jailed VMs are limited in memory and processes",
        );
    }
    Requirement::limited(
        "cgroups",
        found,
        format!("jailed VMs are not limited in {}", lacking.join(" and ")),
        "boot the host with systemd.unified_cgroup_hierarchy=1: version 1 holds these controllers",
    )
}

pub(super) fn hugepages() -> Requirement {
    let meminfo = files::read_text(Path::new("/proc/meminfo")).unwrap_or_default();
    let field = |name: &str| {
        let value = meminfo.lines().find_map(|line| line.strip_prefix(name));
        value.map_or("none", str::trim).to_owned()
    };
    let [total, free] = ["HugePages_Total:", "HugePages_Free:"].map(field);
    let found = format!("{free} of {total} free, {} each", field("Hugepagesize:"));
    // VMs of ours use ordinary memory: a snapshot on huge pages cannot be mapped from its file.
    Requirement::ok(
        "hugepages",
        found,
        "not needed: guests are on ordinary pages",
    )
}

pub(super) fn memory(memory: Memory) -> Requirement {
    let found = format!(
        "{} MiB of {} MiB available",
        memory.available_mib, memory.total_mib
    );
    if memory.available_mib >= ROOMY_MIB {
        return Requirement::ok("memory", found, "there is room for guests");
    }
    Requirement::limited(
        "memory",
        found,
        "a guest of the usual size makes the host swap",
        "stop what is not needed (`kindling ps`), or give guests less with --memory-mib",
    )
}

/// The disk that holds the VMs: whether it shares extents, and how much of it is free.
///
/// # Errors
/// The folder cannot be written.
pub(super) fn disk(folder: &Path) -> Result<[Requirement; 2]> {
    let reflinks = match clone_in(folder)? {
        Ok(()) => Requirement::ok(
            "reflinks",
            "files share extents here",
            "a VM's disk is made at once and takes no space",
        ),
        Err(error) => Requirement::limited(
            "reflinks",
            format!("no shared extents here: {error}"),
            "QEMU's VMs get overlays, Firecracker's and snapshots get whole copies of their disks",
            "put the state folder (KINDLING_STATE) on XFS, Btrfs or bcachefs",
        ),
    };
    let statistics = rustix::fs::statvfs(folder)
        .context(format!("cannot look at the disk of {}", folder.display()))?;
    let free = statistics.f_bavail.saturating_mul(statistics.f_frsize);
    let found = format!(
        "{:.1} GiB free at {}",
        free as f64 / f64::from(1 << 30),
        folder.display()
    );
    let space = if free >= ROOMY {
        Requirement::ok("free space", found, "there is room for disks and snapshots")
    } else {
        Requirement::limited(
            "free space",
            found,
            "a few VMs or snapshots fill it",
            "remove VMs with `kindling rm`, stages with `cargo xtask gc`, or move KINDLING_STATE",
        )
    };
    Ok([reflinks, space])
}

/// Tries to make two files of this folder share an extent.
fn clone_in(folder: &Path) -> Result<Result<(), Errno>> {
    let make = || tempfile::tempfile_in(folder);
    let what = || format!("cannot write to {}", folder.display());
    let (from, to) = (make().context(what())?, make().context(what())?);
    std::os::unix::fs::FileExt::write_all_at(&from, &[1; 4096], 0).context(what())?;
    Ok(rustix::fs::ioctl_ficlone(&to, &from))
}

#[cfg(test)]
mod tests {
    use super::super::requirement::Verdict;
    use super::*;

    #[test]
    fn a_disk_that_can_be_written_is_judged() {
        let folder = tempfile::tempdir().unwrap();
        let [reflinks, space] = disk(folder.path()).unwrap();
        let can = clone_in(folder.path()).unwrap().is_ok();
        assert_eq!(reflinks.verdict == Verdict::Ok, can);
        assert!(space.found.contains("GiB free"), "{space:?}");
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
        assert!(disk(Path::new("/proc/self")).is_err());
    }

    #[test]
    fn little_memory_is_told() {
        let of = |available_mib| {
            memory(Memory {
                total_mib: 4096,
                available_mib,
            })
        };
        assert_eq!(of(100).verdict, Verdict::Limited);
        assert_eq!(of(3000).found, "3000 MiB of 4096 MiB available");
    }

    #[test]
    fn whatever_this_machine_is_each_answer_says_what_it_means() {
        for found in [privileges(), tun(), bridge(), cgroups(), hugepages()] {
            assert!(
                !found.found.is_empty() && !found.means.is_empty(),
                "{found:?}"
            );
            assert_eq!(
                found.advice.is_some(),
                found.verdict != Verdict::Ok,
                "{found:?}"
            );
        }
    }
}
