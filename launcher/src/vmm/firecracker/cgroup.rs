//! A control group of version 2 for one jailed VM.

use std::path::{Path, PathBuf};

use kindling_base::{Context, Result, files};

/// The group that holds those of all VMs.
const PARENT: &str = "kindling";

/// MiB that Firecracker itself may use beside its guest: its specification says 5, its threads' stacks and page tables
/// of large guests come on top.
const OVERHEAD_MIB: u64 = 64;

/// Threads of a Firecracker beside its processors': the main one, the API's, and short-lived ones.
const PROCESSES: &str = "64";

/// A group; removed when it is dropped.
#[derive(Debug)]
pub(super) struct Group(Option<(PathBuf, String)>);

impl Group {
    /// Makes the group of the VM `name`, limited to its memory where this host's groups can; none where the host has no
    /// control groups of version 2.
    ///
    /// # Errors
    /// There are groups, and one cannot be made.
    pub(super) fn make(name: &str, memory_mib: u32) -> Result<Self> {
        let Some(mount) = mount() else {
            return Ok(Self(None));
        };
        let group = format!("{PARENT}/{name}-{}", std::process::id());
        let path = mount.join(&group);
        files::create_dir_all(&path)?;
        let made = Self(Some((path.clone(), group)));
        sweep(&mount.join(PARENT));
        let limits = [
            (
                "memory.max",
                ((u64::from(memory_mib) + OVERHEAD_MIB) << 20).to_string(),
            ),
            ("pids.max", PROCESSES.to_owned()),
        ];
        delegate(&mount, &["memory", "pids"]);
        delegate(&mount.join(PARENT), &["memory", "pids"]);
        for (file, value) in limits {
            let file = path.join(file);
            if file.exists() {
                std::fs::write(&file, &value)
                    .context(format!("cannot write {value} to {}", file.display()))?;
            }
        }
        Ok(made)
    }

    /// Its path below the mount point.
    pub(super) fn name(&self) -> Option<&str> {
        self.0.as_ref().map(|(_, name)| name.as_str())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some((path, _)) = &self.0 {
            // It is empty: its process has ended.
            let _ = std::fs::remove_dir(path);
        }
    }
}

/// Removes what supervisors left that were killed with their machine. A group that is in use stays: it is not empty.
fn sweep(parent: &Path) {
    for group in files::list(parent).unwrap_or_default() {
        let name = group.file_name().unwrap_or_default().to_string_lossy();
        let pid = name
            .rsplit_once('-')
            .and_then(|(_, pid)| pid.parse::<u32>().ok());
        if pid.is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists()) {
            let _ = std::fs::remove_dir(&group);
        }
    }
}

/// Lets groups below `group` limit what `controllers` count; a controller that another hierarchy has is not for us.
fn delegate(group: &Path, controllers: &[&str]) {
    for controller in controllers {
        let _ = std::fs::write(
            group.join("cgroup.subtree_control"),
            format!("+{controller}"),
        );
    }
}

/// Where the hierarchy of version 2 is mounted.
pub(crate) fn mount() -> Option<PathBuf> {
    mount_in(&files::read_text(Path::new("/proc/self/mounts")).ok()?)
}

fn mount_in(mounts: &str) -> Option<PathBuf> {
    let mut lines = mounts.lines().map(|line| line.split(' '));
    lines.find_map(|mut fields| {
        let place = fields.nth(1)?;
        (fields.next()? == "cgroup2").then(|| place.into())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_unified_hierarchy_is_found() {
        let mounts = "proc /proc proc rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        assert_eq!(mount_in(mounts), Some("/sys/fs/cgroup/unified".into()));
        assert_eq!(mount_in("tmpfs / tmpfs rw 0 0\n\n"), None);
    }
}
