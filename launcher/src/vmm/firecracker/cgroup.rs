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
        for group in dead_in(&mount.join(PARENT)) {
            remove(&group);
        }
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

/// Groups whose supervisor was killed together with its machine.
pub(crate) fn dead() -> Vec<PathBuf> {
    mount().map_or_else(Vec::new, |mount| dead_in(&mount.join(PARENT)))
}

fn dead_in(parent: &Path) -> Vec<PathBuf> {
    let supervisor = |group: &Path| -> Option<u32> {
        let name = group.file_name()?.to_str()?;
        name.rsplit_once('-')?.1.parse().ok()
    };
    let mut groups = files::list(parent).unwrap_or_default();
    groups.retain(|group| {
        group.is_dir()
            && supervisor(group)
                .is_some_and(|pid| !Path::new("/proc").join(pid.to_string()).exists())
    });
    groups
}

/// Removes a group, unless it is in use: then it is not empty.
pub(crate) fn remove(group: &Path) -> bool {
    std::fs::remove_dir(group).is_ok()
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

/// The mount point of the hierarchy of version 2.
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
    fn groups_of_dead_supervisors_are_found_and_no_others() {
        let parent = tempfile::tempdir().unwrap();
        // Larger than any process id (`PID_MAX_LIMIT` of `include/linux/threads.h`).
        let dead = parent.path().join("my-vm-4194305");
        let ours = parent.path().join(format!("my-vm-{}", std::process::id()));
        for group in [&dead, &ours, &parent.path().join("somebody-elses")] {
            std::fs::create_dir(group).unwrap();
        }
        assert_eq!(dead_in(parent.path()), std::slice::from_ref(&dead));
        assert!(remove(&dead));
        assert!(dead_in(parent.path()).is_empty());
    }

    #[test]
    fn the_unified_hierarchy_is_found() {
        let mounts = "proc /proc proc rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        assert_eq!(mount_in(mounts), Some("/sys/fs/cgroup/unified".into()));
        assert_eq!(mount_in("tmpfs / tmpfs rw 0 0\n\n"), None);
    }
}
