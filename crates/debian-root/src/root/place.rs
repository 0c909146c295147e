//! Puts one file of a package into a root.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

use kindling_tree::{Entry, Kind};
use rustix::fs::{
    AtFlags, FileType, Gid, Mode, OFlags, Timespec, Timestamps, UTIME_OMIT, Uid, XattrFlags,
};
use rustix::io::Errno;

use super::folder::{Root, kind_at};

/// Creates a regular file without content, in place of anything but a directory; [`finish`] gives it its attributes.
///
/// # Errors
/// The parent is not there or outside of the root, or a directory is in the way.
pub(crate) fn file(root: &Root, path: &[u8]) -> io::Result<File> {
    let (parent, name) = root.parent(path)?;
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || rustix::fs::openat(&parent, name, flags, Mode::RUSR | Mode::WUSR);
    let fd = match open() {
        Err(Errno::EXIST) => {
            unlink(parent.as_fd(), name)?;
            open()
        }
        other => other,
    }?;
    Ok(File::from(fd))
}

/// Gives a written file owner, mode, xattrs and time.
///
/// # Errors
/// The system refuses one of them.
pub(crate) fn finish(file: &File, entry: &Entry) -> io::Result<()> {
    rustix::fs::fchown(
        file,
        Some(Uid::from_raw(entry.uid)),
        Some(Gid::from_raw(entry.gid)),
    )?;
    // After the owner, whose change clears the set-id bits, and before xattrs, of which the owner's change
    // would clear the capabilities.
    rustix::fs::fchmod(file, Mode::from_raw_mode(entry.mode.into()))?;
    for (name, value) in &entry.xattrs {
        rustix::fs::fsetxattr(file, name.as_slice(), value, XattrFlags::empty())?;
    }
    rustix::fs::futimens(file, &times(entry))?;
    Ok(())
}

/// Creates a directory, with attributes that let everything be put into it. `true` if it was not there.
///
/// One that is there stays as it is, and so does a link to one.
///
/// # Errors
/// The parent is not there or outside of the root, or something else has the name.
pub(crate) fn directory(root: &Root, path: &[u8]) -> io::Result<bool> {
    let (parent, name) = root.parent(path)?;
    match rustix::fs::mkdirat(&parent, name, Mode::from_raw_mode(0o755)) {
        Ok(()) => Ok(true),
        Err(Errno::EXIST) => root.directory(path).map(|_| false),
        Err(error) => Err(error.into()),
    }
}

/// Gives a directory its owner and mode.
///
/// # Errors
/// It is not there or the system refuses.
pub(crate) fn finish_directory(root: &Root, path: &[u8], entry: &Entry) -> io::Result<()> {
    let (parent, name) = match path {
        b"" => (root.directory(b"")?, b".".as_slice()),
        _ => root.parent(path)?,
    };
    chown(parent.as_fd(), name, entry)?;
    let mode = Mode::from_raw_mode(entry.mode.into());
    rustix::fs::chmodat(&parent, name, mode, AtFlags::empty())?;
    Ok(())
}

/// Creates a symbolic link, a hard link, a device or a pipe, in place of anything but a directory.
///
/// A symbolic link does not replace a directory, which stays, as with dpkg.
///
/// # Errors
/// The parent is not there or outside of the root, a directory is in the way, or the system refuses.
pub(crate) fn special(root: &Root, path: &[u8], entry: &Entry) -> io::Result<()> {
    let (parent, name) = root.parent(path)?;
    let parent = parent.as_fd();
    match kind_at(parent, name)? {
        Some(FileType::Directory) if matches!(entry.kind, Kind::Symlink(_)) => return Ok(()),
        Some(FileType::Symlink) if is_link_to(parent, name, &entry.kind) => {}
        Some(_) => {
            unlink(parent, name)?;
            create(root, parent, name, entry)?;
        }
        None => create(root, parent, name, entry)?,
    }
    if matches!(entry.kind, Kind::HardLink(_)) {
        return Ok(()); // the attributes are the target's
    }
    chown(parent, name, entry)?;
    if !matches!(entry.kind, Kind::Symlink(_)) {
        let mode = Mode::from_raw_mode(entry.mode.into());
        rustix::fs::chmodat(parent, name, mode, AtFlags::empty())?;
    }
    rustix::fs::utimensat(parent, name, &times(entry), AtFlags::SYMLINK_NOFOLLOW)?;
    Ok(())
}

fn create(root: &Root, parent: BorrowedFd<'_>, name: &[u8], entry: &Entry) -> io::Result<()> {
    let node = |kind, major, minor| {
        let device = rustix::fs::makedev(major, minor);
        rustix::fs::mknodat(parent, name, kind, Mode::from_raw_mode(0o600), device)
    };
    match &entry.kind {
        Kind::Symlink(target) => rustix::fs::symlinkat(target.as_slice(), parent, name),
        Kind::HardLink(target) => {
            let (folder, target) = root.parent(target)?;
            rustix::fs::linkat(&folder, target, parent, name, AtFlags::empty())
        }
        Kind::CharDevice { major, minor } => node(FileType::CharacterDevice, *major, *minor),
        Kind::BlockDevice { major, minor } => node(FileType::BlockDevice, *major, *minor),
        Kind::Fifo => node(FileType::Fifo, 0, 0),
        Kind::File(_) | Kind::Directory | Kind::Socket => Err(Errno::INVAL),
    }?;
    Ok(())
}

/// Whether `name` is the very link that `kind` asks for: `/bin -> usr/bin` must never be gone, not for a moment.
fn is_link_to(parent: BorrowedFd<'_>, name: &[u8], kind: &Kind) -> bool {
    let Kind::Symlink(target) = kind else {
        return false;
    };
    rustix::fs::readlinkat(parent, name, Vec::new())
        .is_ok_and(|found| found.as_bytes() == target.as_slice())
}

fn unlink(parent: BorrowedFd<'_>, name: &[u8]) -> io::Result<()> {
    match rustix::fs::unlinkat(parent, name, AtFlags::empty()) {
        Err(Errno::ISDIR) => Err(io::Error::other("a directory is in the way")),
        Err(Errno::NOENT) => Ok(()),
        other => Ok(other?),
    }
}

fn chown(parent: BorrowedFd<'_>, name: &[u8], entry: &Entry) -> io::Result<()> {
    let (user, group) = (Uid::from_raw(entry.uid), Gid::from_raw(entry.gid));
    rustix::fs::chownat(
        parent,
        name,
        Some(user),
        Some(group),
        AtFlags::SYMLINK_NOFOLLOW,
    )?;
    Ok(())
}

fn times(entry: &Entry) -> Timestamps {
    Timestamps {
        last_access: Timespec {
            tv_sec: 0,
            tv_nsec: UTIME_OMIT,
        },
        last_modification: Timespec {
            tv_sec: entry.mtime.seconds,
            tv_nsec: entry.mtime.nanoseconds.into(),
        },
    }
}
