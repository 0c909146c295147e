//! Writes a configured folder as a tar that is the same for each run: tidied, sorted, with clamped times.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use kindling_base::{Context, Result, files};
use kindling_tree::{Content, Entry, Kind, Timestamp, tar::Writer};

use super::tidy::tidy;
use crate::root::Root;

/// Tidies the tree and writes it to `out`.
///
/// Times later than `epoch`, and all times from `started` on, which the build itself left, become `epoch`.
///
/// # Errors
/// A file cannot be read or removed, or the tar cannot be written.
pub(crate) fn freeze(root: &Root, epoch: i64, started: SystemTime, out: &Path) -> Result<()> {
    let file = files::create(out)?;
    root.enter(|| {
        let paths = tidied(Path::new("/"))?;
        write(&paths, &clamp(epoch, started), file, out)
    })
}

/// Tidies the tree at `top` and returns all paths of what is left, sorted by bytes.
///
/// # Errors
/// Something cannot be read or removed.
pub(crate) fn tidied(top: &Path) -> Result<Vec<PathBuf>> {
    tidy(top)?;
    let mut paths = vec![top.to_owned()];
    walk(top, &mut paths)?;
    paths.sort_unstable_by(|a, b| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
    Ok(paths)
}

/// The rule for times: those later than `epoch`, and those that the build itself left, become `epoch`.
pub(crate) fn clamp(epoch: i64, started: SystemTime) -> impl Fn(i64) -> i64 {
    let since = started
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs().cast_signed());
    move |seconds| {
        if seconds > epoch || seconds >= since {
            epoch
        } else {
            seconds
        }
    }
}

/// Adds everything below `folder`.
fn walk(folder: &Path, paths: &mut Vec<PathBuf>) -> Result<()> {
    let what = || format!("cannot read the folder {}", folder.display());
    for entry in std::fs::read_dir(folder).context(what())? {
        let entry = entry.context(what())?;
        let path = entry.path();
        let directory = entry.file_type().context(what())?.is_dir();
        paths.push(path);
        if directory {
            walk(&entry.path(), paths)?;
        }
    }
    Ok(())
}

/// Writes what is at these paths, parents before what is in them, as a tar.
///
/// # Errors
/// A file cannot be read or the tar cannot be written.
pub(crate) fn write(
    paths: &[PathBuf],
    clamp: &dyn Fn(i64) -> i64,
    file: File,
    out: &Path,
) -> Result<()> {
    let mut writer = Writer::new(file);
    let mut links: HashMap<(u64, u64), Vec<u8>> = HashMap::new();
    for path in paths {
        let what = || format!("cannot read {} of the tree", path.display());
        let meta = path.symlink_metadata().context(what())?;
        let name = path.as_os_str().as_bytes()[1..].to_vec();
        let Some(kind) = kind(path, &meta, &name, &mut links)? else {
            continue;
        };
        let entry = Entry {
            mode: u16::try_from(meta.mode() & 0o7777).unwrap_or(0),
            uid: meta.uid(),
            gid: meta.gid(),
            mtime: Timestamp {
                seconds: clamp(meta.mtime()),
                nanoseconds: 0,
            },
            xattrs: xattrs(path, &meta).context(what())?,
            kind,
        };
        let failed = || format!("cannot write {} to {}", path.display(), out.display());
        if matches!(entry.kind, Kind::File(_)) {
            let mut content = files::open(path)?;
            writer.append(&name, &entry, meta.len(), &mut content)
        } else {
            writer.append(&name, &entry, 0, &mut std::io::empty())
        }
        .context(failed())?;
    }
    let what = || format!("cannot write {}", out.display());
    let file = writer.finish().context(what())?;
    file.sync_all().context(what())
}

/// Type and content; `None` for a socket. The first name of a file with several is the file.
fn kind(
    path: &Path,
    meta: &Metadata,
    name: &[u8],
    links: &mut HashMap<(u64, u64), Vec<u8>>,
) -> Result<Option<Kind>> {
    let device = meta.rdev();
    let (major, minor) = (rustix::fs::major(device), rustix::fs::minor(device));
    let kind = meta.file_type();
    Ok(Some(if kind.is_dir() {
        Kind::Directory
    } else if kind.is_symlink() {
        let target = path
            .read_link()
            .context(format!("cannot read {}", path.display()))?;
        Kind::Symlink(target.into_os_string().into_vec())
    } else if kind.is_file() {
        let first = links.get(&(meta.dev(), meta.ino())).cloned();
        match first {
            Some(first) => Kind::HardLink(first),
            None => {
                if meta.nlink() > 1 {
                    links.insert((meta.dev(), meta.ino()), name.to_vec());
                }
                Kind::File(Content::Bytes([].into()))
            }
        }
    } else if kind.is_char_device() {
        Kind::CharDevice { major, minor }
    } else if kind.is_block_device() {
        Kind::BlockDevice { major, minor }
    } else if kind.is_fifo() {
        Kind::Fifo
    } else {
        return Ok(None);
    }))
}

/// The xattrs that belong to the tree: not the label of the machine's security module, nor what an overlay
/// file system keeps for itself.
fn xattrs(
    path: &Path,
    meta: &Metadata,
) -> std::io::Result<std::collections::BTreeMap<Vec<u8>, Vec<u8>>> {
    let mut found = std::collections::BTreeMap::new();
    if meta.is_symlink() {
        return Ok(found);
    }
    let length = match rustix::fs::llistxattr_query(path) {
        Err(rustix::io::Errno::NOTSUP) => return Ok(found),
        other => other?,
    };
    if length == 0 {
        return Ok(found);
    }
    let mut names = vec![0; length];
    let length = rustix::fs::llistxattr(path, &mut names[..])?;
    for name in names[..length]
        .split(|&b| b == 0)
        .filter(|name| !name.is_empty())
    {
        if name == b"security.selinux" || name.starts_with(b"trusted.") {
            continue;
        }
        let mut value = vec![0; 64 << 10]; // XATTR_SIZE_MAX of linux/limits.h
        let length = rustix::fs::lgetxattr(path, name, &mut value[..])?;
        value.truncate(length);
        found.insert(name.to_vec(), value);
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use kindling_tree::Tree;
    use rustix::fs::XattrFlags;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn links_xattrs_and_times_come_through() {
        if !rustix::process::geteuid().is_root() {
            return println!("skipped: only root changes its root folder");
        }
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().join("root");
        std::fs::create_dir_all(top.join("usr")).unwrap();
        std::fs::write(top.join("usr/ping"), "elf").unwrap();
        std::fs::set_permissions(top.join("usr/ping"), PermissionsExt::from_mode(0o4755)).unwrap();
        std::fs::hard_link(top.join("usr/ping"), top.join("a")).unwrap();
        // CAP_NET_RAW, VFS_CAP_REVISION_2 of linux/capability.h.
        let capability = [
            1, 0, 0, 2, 0, 0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        let name = "security.capability";
        rustix::fs::lsetxattr(top.join("a"), name, &capability, XattrFlags::empty()).unwrap();
        let old = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(1000);
        let file = File::open(top.join("a")).unwrap();
        file.set_modified(old).unwrap();

        let out = folder.path().join("tree.tar");
        freeze(&Root::open(&top).unwrap(), 5000, SystemTime::now(), &out).unwrap();
        let tree = Tree::from_tar(&out).unwrap();
        let paths: Vec<&[u8]> = tree.iter().map(|(path, _)| path).collect();
        assert_eq!(paths, [b"".as_slice(), b"a", b"usr", b"usr/ping"]);
        let first = tree.get(b"a").unwrap();
        assert_eq!((first.mode, first.mtime.seconds), (0o4755, 1000));
        assert_eq!(first.xattrs[name.as_bytes()], capability);
        assert_eq!(tree.get(b"usr").unwrap().mtime.seconds, 5000);
        let second = &tree.get(b"usr/ping").unwrap().kind;
        assert!(
            matches!(second, Kind::HardLink(target) if target == b"a"),
            "{second:?}"
        );
    }
}
