//! Switches from the initramfs into the real root.

use core::mem::MaybeUninit;

use kindling_init::{Failure, Reason};
use rustix::fd::{AsFd, OwnedFd};
use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, RawDir};
use rustix::io::Errno;
use rustix::mount::UnmountFlags;

use crate::mounts::NEW_ROOT;

/// Magic numbers of the two file systems that an initramfs can be (include/uapi/linux/magic.h).
const RAMFS: i64 = 0x8584_58f6;
const TMPFS: i64 = 0x0102_1994;

/// Folders nested deeper than this are left alone; our own archive has one level.
const DEPTH: u32 = 16;

/// Moves the kernel's file systems over, frees the initramfs, and makes the mounted root `/`.
pub(crate) fn into_root<'a>() -> Result<(), Failure<'a>> {
    let step = |step| move |errno| Failure::Step(step, Reason(errno));
    for (from, to) in [("/dev", "dev"), ("/proc", "proc"), ("/sys", "sys")] {
        let target = open_folder(CWD, NEW_ROOT).and_then(|root| open_folder(root, to));
        let moved = target.and_then(|_| {
            rustix::process::chdir(NEW_ROOT)?;
            rustix::mount::mount_move(from, to)
        });
        if moved.is_err() {
            // A root without the folder gets along without the mount; its init may make both.
            let _ = rustix::mount::unmount(from, UnmountFlags::DETACH);
        }
    }
    let old = open_folder(CWD, "/").map_err(step("open the initramfs"))?;
    rustix::process::chdir(NEW_ROOT).map_err(step("enter the root"))?;
    free(old).map_err(step("free the initramfs"))?;
    rustix::mount::mount_move(".", "/").map_err(step("move the root to /"))?;
    rustix::process::chroot(".").map_err(step("change the root"))?;
    rustix::process::chdir("/").map_err(step("enter the new root"))
}

fn open_folder(at: impl AsFd, path: &str) -> Result<OwnedFd, Errno> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    rustix::fs::openat(at, path, flags, Mode::empty())
}

/// Deletes everything in the initramfs, which gives its memory back, and nothing on any other file system.
fn free(old: OwnedFd) -> Result<(), Errno> {
    let kind = rustix::fs::fstatfs(&old)?.f_type;
    if kind != RAMFS && kind != TMPFS {
        return Ok(()); // booted from something else: it is not ours to delete
    }
    let device = rustix::fs::fstat(&old)?.st_dev;
    delete_inside(&old, device, DEPTH)
}

fn delete_inside(folder: &OwnedFd, device: u64, depth: u32) -> Result<(), Errno> {
    let mut buffer = [MaybeUninit::uninit(); 2048];
    let mut entries = RawDir::new(folder, &mut buffer);
    while let Some(entry) = entries.next() {
        let entry = entry?;
        let name = entry.file_name();
        if name == c"." || name == c".." {
            continue;
        }
        if entry.file_type() == FileType::Directory {
            let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let inner = rustix::fs::openat(folder, name, flags, Mode::empty())?;
            if depth == 0 || rustix::fs::fstat(&inner)?.st_dev != device {
                continue; // the new root is mounted there
            }
            delete_inside(&inner, device, depth - 1)?;
            let _ = rustix::fs::unlinkat(folder, name, AtFlags::REMOVEDIR); // one too deep may be left in it
        } else {
            rustix::fs::unlinkat(folder, name, AtFlags::empty())?;
        }
    }
    Ok(())
}
