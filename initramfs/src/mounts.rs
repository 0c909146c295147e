//! The file systems that PID 1 mounts.

use core::ffi::CStr;

use arrayvec::{ArrayString, ArrayVec};
use kindling_init::{
    Failure, HEAD_BYTES, MountFlags, Options, Reason, identify, split_mount_flags,
};
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

use crate::scan;

/// The mount point of the real root before it becomes `/`.
pub(crate) const NEW_ROOT: &str = "/root";

/// The kernel's own file systems: type, place, and how systemd mounts them (src/shared/mount-setup.c).
const KERNEL: [(&str, &str, MountFlags, &CStr); 3] = [
    ("proc", "/proc", PSEUDO, c""),
    ("sysfs", "/sys", PSEUDO, c""),
    ("devtmpfs", "/dev", MountFlags::NOSUID, c"mode=755"),
];

const PSEUDO: MountFlags = MountFlags::NOSUID
    .union(MountFlags::NOEXEC)
    .union(MountFlags::NODEV);

/// Mounts /proc, /sys and /dev.
pub(crate) fn prepare<'a>() -> Result<(), Failure<'a>> {
    let _ = rustix::fs::mkdirat(CWD, NEW_ROOT, Mode::from(0o755)); // the archive has it; mounting will tell
    for (kind, place, flags, data) in KERNEL {
        let _ = rustix::fs::mkdirat(CWD, place, Mode::from(0o755));
        match rustix::mount::mount(kind, place, kind, flags, data) {
            Ok(()) | Err(Errno::BUSY) => {} // CONFIG_DEVTMPFS_MOUNT does not reach an initramfs, but may one day
            Err(errno) => {
                let step = match place {
                    "/proc" => "mount /proc",
                    "/sys" => "mount /sys",
                    _ => "mount /dev",
                };
                return Err(Failure::Step(step, Reason(errno)));
            }
        }
    }
    Ok(())
}

/// Reads the kernel command line, cut off where it is longer than the buffer.
pub(crate) fn read_cmdline<'a, const N: usize>(
    cmdline: &mut ArrayVec<u8, N>,
) -> Result<(), Failure<'a>> {
    scan::read_file(CWD, "/proc/cmdline", cmdline)
        .map_err(|errno| Failure::Step("read /proc/cmdline", Reason(errno)))
}

/// Mounts a block device at [`NEW_ROOT`], trying each name of `rootfstype=`, or else what its superblock says.
pub(crate) fn mount_root<'a>(
    device: &ArrayString<40>,
    options: &Options<'a>,
) -> Result<(), Failure<'a>> {
    let (flags, data) =
        split_mount_flags(options.flags, options.read_only).ok_or(Failure::LongFlags)?;
    let data = CStr::from_bytes_with_nul(&data)
        .map_err(|_| Failure::Step("read rootflags=", Reason(Errno::INVAL)))?;
    let detected;
    let names = match options.fstype {
        Some(names) => names,
        None => {
            detected = detect(device)?;
            detected.as_bytes()
        }
    };
    let mut failure = Failure::NoFilesystem(*device);
    for name in names.split(|&byte| byte == b',').filter(|n| !n.is_empty()) {
        match rustix::mount::mount(device.as_str(), NEW_ROOT, name, flags, data) {
            Ok(()) => return Ok(()),
            Err(errno) => failure = Failure::Mount(*device, name, Reason(errno)),
        }
    }
    Err(failure)
}

/// The type of the file system on a device.
fn detect<'a>(device: &ArrayString<40>) -> Result<&'static str, Failure<'a>> {
    let mut head = [0; HEAD_BYTES];
    let read = rustix::fs::open(
        device.as_str(),
        OFlags::RDONLY | OFlags::CLOEXEC,
        Mode::empty(),
    )
    .and_then(|file| scan::read_at(&file, 0, &mut head))
    .map_err(|errno| Failure::Step("read the root device", Reason(errno)))?;
    identify(head.get(..read).unwrap_or_default())
        .map(|filesystem| filesystem.kind)
        .ok_or(Failure::NoFilesystem(*device))
}
