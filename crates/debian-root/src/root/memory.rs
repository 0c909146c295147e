//! A file system in memory for the root, where the machine has plenty.
//!
//! A tree is written, read once and thrown away. On a disk that costs more than half of an assembly's time, and the
//! disk's work goes on after it. A tmpfs in the sandbox's mount namespace also ends with it, however it ends.

use std::path::Path;

use kindling_base::{Context, Result, files};
use rustix::mount::MountFlags;

use kindling_deb::Control;

/// How much of the memory that is free must be left over for everything else: page cache, scripts, other builds.
const SHARE: u64 = 3;

/// Mounts a tmpfs on `folder` if `packages`, with `base` bytes that are put there first, take at most a third of the memory that is free; says whether it did.
///
/// # Errors
/// The folder cannot be made.
pub(crate) fn mount(folder: &Path, packages: &[Control], base: u64) -> Result<bool> {
    let needed = needed(packages) + base;
    if needed > available().unwrap_or(0) / SHARE {
        return Ok(false);
    }
    files::create_dir_all(folder)?;
    // Half as much again: estimates are rounded per file, and scripts write as well.
    let options = format!("mode=0755,size={}", needed / 2 * 3);
    let options = std::ffi::CString::new(options).unwrap_or_default();
    let flags = MountFlags::NOSUID; // set-user-id bits are kept, not honoured
    let mounted = rustix::mount::mount("tmpfs", folder, "tmpfs", flags, options.as_c_str());
    Ok(mounted.is_ok()) // a kernel that refuses leaves us the disk
}

/// Undoes [`mount`].
///
/// # Errors
/// A process still works there.
pub(crate) fn unmount(folder: &Path) -> Result<()> {
    rustix::mount::unmount(folder, rustix::mount::UnmountFlags::empty())
        .context(format!("cannot unmount {}", folder.display()))
}

/// The bytes of memory that may hold packages before it is their turn.
pub(crate) fn spare() -> u64 {
    (available().unwrap_or(0) / 8).min(1 << 30)
}

/// Bytes that the packages will take: Installed-Size (deb-control(5), KiB) with a page for each package's records.
fn needed(packages: &[Control]) -> u64 {
    let kib = |control: &Control| control.field("Installed-Size").parse().unwrap_or(0u64) + 64;
    // Bytecode and the like come on top; 128 MiB is what a minimal system's scripts write at most.
    packages.iter().map(kib).sum::<u64>() * 1024 * 5 / 4 + (128 << 20)
}

/// Bytes that may be used: by the machine as a whole, and by our control group (cgroup v2).
fn available() -> Option<u64> {
    let machine = meminfo(&std::fs::read_to_string("/proc/meminfo").ok()?)?;
    let top = Path::new("/sys/fs/cgroup");
    let groups = std::fs::read_to_string("/proc/self/cgroup").ok();
    let left = groups.and_then(|groups| group_limit(top, &groups));
    Some(left.map_or(machine, |left| machine.min(left)))
}

/// `MemAvailable` of /proc/meminfo, proc_meminfo(5), in bytes.
fn meminfo(text: &str) -> Option<u64> {
    let mut lines = text.lines();
    let line = lines.find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1024)
}

/// The bytes that our control group and those above it have left; `None` without a limit.
///
/// `groups` is the text of /proc/self/cgroup, and `top` the folder of the uppermost group.
fn group_limit(top: &Path, groups: &str) -> Option<u64> {
    let own = groups.lines().find_map(|line| line.strip_prefix("0::/"))?;
    let number = |path: &Path| {
        std::fs::read_to_string(path)
            .ok()?
            .trim()
            .parse::<u64>()
            .ok()
    };
    let left = |group: &Path| {
        let limit = number(&group.join("memory.max"))?; // `max` is no number
        Some(limit.saturating_sub(number(&group.join("memory.current"))?))
    };
    let own = top.join(own);
    own.ancestors()
        .take_while(|group| group.starts_with(top))
        .filter_map(left)
        .min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_tells_its_memory() {
        let text = std::fs::read_to_string("/proc/meminfo").unwrap();
        let total = text.replace("MemTotal:", "MemAvailable:"); // the first line
        assert!(meminfo(&text).unwrap() < meminfo(&total).unwrap());
        assert!(available().unwrap() < meminfo(&total).unwrap());
        assert_eq!(meminfo("MemAvailable:  2048 kB\n"), Some(2 << 20));
        assert_eq!(meminfo("MemAvailable:  2048\n"), None);
    }

    #[test]
    fn the_narrowest_group_on_the_way_up_limits() {
        let top = tempfile::tempdir().unwrap();
        let group = |path: &str, limit: &str, current: &str| {
            let folder = top.path().join(path);
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(folder.join("memory.max"), limit).unwrap();
            std::fs::write(folder.join("memory.current"), current).unwrap();
        };
        group("a/b/c", "max\n", "7\n");
        assert_eq!(group_limit(top.path(), "1:cpu:/x\n0::/a/b/c\n"), None);
        group("a/b", "1000\n", "400\n");
        group("a", "5000\n", "4900\n");
        assert_eq!(group_limit(top.path(), "0::/a/b/c\n"), Some(100));
        group("a", "5000\n", "5900\n");
        assert_eq!(group_limit(top.path(), "0::/a/b/c\n"), Some(0));
        assert_eq!(group_limit(top.path(), "0::/other\n"), None);
    }

    #[test]
    fn packages_need_their_installed_size_and_room_for_scripts() {
        let package = |size: &str| Control::from_text(&format!("Installed-Size: {size}\n"));
        let scripts = needed(&[]);
        let page = needed(&[package("")]) - scripts;
        let large = needed(&[package("1024"), package("3072")]) - scripts;
        assert_eq!(large - 2 * page, (4 << 20) / 4 * 5);
    }
}
