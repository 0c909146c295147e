//! A folder as the root of a tree: paths are looked up inside of it and never lead out.

use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{BorrowedFd, OwnedFd};
use std::path::{Path, PathBuf};

use kindling_base::{Context, Result};
use rustix::fs::{self, AtFlags, FileType, Mode, OFlags, ResolveFlags};
use rustix::io::Errno;
use rustix::thread::UnshareFlags;

/// As many symbolic links as Linux follows in one path (`MAXSYMLINKS`).
const MAX_LINKS: usize = 40;

/// Tries of a lookup that raced with a rename, openat2(2) `EAGAIN`.
const MAX_RACES: usize = 128;

/// An open root folder.
#[derive(Debug)]
pub(crate) struct Root {
    fd: OwnedFd,
    path: PathBuf,
}

impl Root {
    /// Opens a folder.
    ///
    /// # Errors
    /// It cannot be opened.
    pub(crate) fn open(path: &Path) -> Result<Self> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let fd = fs::open(path, flags, Mode::empty())
            .context(format!("cannot open the folder {}", path.display()))?;
        Ok(Self {
            fd,
            path: path.to_owned(),
        })
    }

    /// The folder's path on this machine.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Runs `work` on a thread whose `/` is this root, so that no link in the tree can lead it out.
    ///
    /// # Errors
    /// The process may not change its root, or `work` failed.
    pub(crate) fn enter<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let inside = || {
            let what = || format!("cannot make {} the root", self.path.display());
            #[expect(
                unsafe_code,
                reason = "rustix leaves sharing of descriptors to the caller"
            )]
            // SAFETY: descriptors stay shared; only root and working directory become the thread's own.
            unsafe { rustix::thread::unshare_unsafe(UnshareFlags::FS) }.context(what())?;
            rustix::process::fchdir(&self.fd).context(what())?;
            rustix::process::chroot(".").context(what())?;
            work()
        };
        std::thread::scope(|scope| match scope.spawn(inside).join() {
            Ok(result) => result,
            Err(panic) => std::panic::resume_unwind(panic),
        })
    }

    /// The directory at `path`, symbolic links in it followed as a process with this root would.
    ///
    /// # Errors
    /// It is not there or no directory; `..` in a link would climb above the root.
    pub(crate) fn directory(&self, path: &[u8]) -> io::Result<OwnedFd> {
        let path = if path.is_empty() { b"." } else { path };
        match self.lookup(path, ResolveFlags::BENEATH) {
            // An absolute link or one that climbs: the first is at home in every Debian tree
            // (`/var/run -> /run`), the second is an attempt to leave.
            Err(Errno::XDEV) => {
                self.refuse_climbing(path)?;
                Ok(self.lookup(path, ResolveFlags::IN_ROOT)?)
            }
            other => Ok(other?),
        }
    }

    fn lookup(&self, path: &[u8], scope: ResolveFlags) -> rustix::io::Result<OwnedFd> {
        let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let resolve = scope | ResolveFlags::NO_MAGICLINKS;
        for _ in 0..MAX_RACES {
            match fs::openat2(&self.fd, path, flags, Mode::empty(), resolve) {
                Err(Errno::AGAIN) => {}
                other => return other,
            }
        }
        Err(Errno::AGAIN)
    }

    /// Follows `path` by hand, only to see whether a link climbs above the root.
    fn refuse_climbing(&self, path: &[u8]) -> io::Result<()> {
        let mut links = 0;
        let mut todo: Vec<Vec<u8>> = parts(path);
        let mut done: Vec<Vec<u8>> = Vec::new();
        while let Some(part) = todo.pop() {
            if part == b".." {
                if done.pop().is_none() {
                    return Err(io::Error::other("a symbolic link leads out of the root"));
                }
                continue;
            }
            done.push(part);
            let Ok(target) = fs::readlinkat(&self.fd, done.join(&b'/'), Vec::new()) else {
                continue; // no link; what else may be wrong with it the lookup will say
            };
            links += 1;
            if links > MAX_LINKS {
                return Err(Errno::LOOP.into());
            }
            done.pop();
            if target.as_bytes().starts_with(b"/") {
                done.clear();
            }
            todo.extend(parts(target.as_bytes()));
        }
        Ok(())
    }

    /// The content of the regular file at `path`; `None` if it is missing. A link as the last part is not followed.
    ///
    /// # Errors
    /// It cannot be read.
    pub(crate) fn read(&self, path: &str) -> Result<Option<Vec<u8>>> {
        let read = || -> io::Result<Vec<u8>> {
            let (parent, name) = self.parent(path.as_bytes())?;
            let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
            let mut content = Vec::new();
            File::from(fs::openat(&parent, name, flags, Mode::empty())?)
                .read_to_end(&mut content)?;
            Ok(content)
        };
        match read() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            other => other
                .map(Some)
                .context(format!("cannot read `/{path}` of the tree")),
        }
    }

    /// The directory that holds `path`, and the name in it.
    ///
    /// # Errors
    /// As [`Root::directory`].
    pub(crate) fn parent<'a>(&self, path: &'a [u8]) -> io::Result<(OwnedFd, &'a [u8])> {
        let (parent, name) = split(path);
        Ok((self.directory(parent)?, name))
    }
}

/// The type of a name in a directory, links not followed; `None` if the name is missing.
///
/// # Errors
/// The directory cannot be searched.
pub(crate) fn kind_at(parent: BorrowedFd<'_>, name: &[u8]) -> io::Result<Option<FileType>> {
    match fs::statat(parent, name, AtFlags::SYMLINK_NOFOLLOW) {
        Ok(stat) => Ok(Some(FileType::from_raw_mode(stat.st_mode))),
        Err(Errno::NOENT) => Ok(None),
        Err(error) => Err(error.into()),
    }
}

/// The directory part of a path without its last slash, and the name after it.
pub(crate) fn split(path: &[u8]) -> (&[u8], &[u8]) {
    match path.iter().rposition(|&b| b == b'/') {
        Some(slash) => (&path[..slash], &path[slash + 1..]),
        None => (b"", path),
    }
}

/// The parts of a path, the last first, without empty ones and `.`.
fn parts(path: &[u8]) -> Vec<Vec<u8>> {
    path.split(|&b| b == b'/')
        .filter(|part| !part.is_empty() && *part != b".")
        .map(<[u8]>::to_vec)
        .rev()
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    #[test]
    fn links_are_followed_inside_and_never_out() {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().join("root");
        std::fs::create_dir_all(top.join("run/lock")).unwrap();
        std::fs::create_dir_all(top.join("var")).unwrap();
        symlink("/run", top.join("var/run")).unwrap();
        symlink("../run/lock", top.join("var/lock")).unwrap();
        symlink("../../run", top.join("var/out")).unwrap();
        symlink("/../run", top.join("var/up")).unwrap();
        symlink(folder.path(), top.join("var/host")).unwrap();
        symlink("loop", top.join("loop")).unwrap();
        let root = Root::open(&top).unwrap();
        for inside in ["", "var", "var/run/lock", "var/lock"] {
            root.directory(inside.as_bytes()).unwrap();
        }
        for out in ["var/out", "var/up", "var/out/lock"] {
            let error = root.directory(out.as_bytes()).unwrap_err();
            assert!(
                error.to_string().contains("leads out of the root"),
                "{out}: {error}"
            );
        }
        for absent in ["var/host", "var/host/root", "loop", "../root"] {
            assert!(root.directory(absent.as_bytes()).is_err(), "{absent}");
        }
    }
}
