//! From a configured folder to a tar: what differs from run to run goes, the rest is sorted and clamped.

use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use kindling_base::{Context, Result, files};
use kindling_tree::{Content, Entry, Kind, Timestamp, tar::Writer};

use crate::root::Root;
use crate::tidy::tidy;

/// Tidies the tree and writes it to `out`.
///
/// Times later than `epoch`, and all times from `started` on, which the build itself left, become `epoch`.
///
/// # Errors
/// A file cannot be read or removed, or the tar cannot be written.
pub(crate) fn freeze(root: &Root, epoch: i64, started: SystemTime, out: &Path) -> Result<()> {
    let since = started
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0, |since| since.as_secs().cast_signed());
    let file = files::create(out)?;
    root.enter(|| {
        tidy(Path::new("/"))?;
        let mut paths = vec![PathBuf::from("/")];
        walk(Path::new("/"), &mut paths)?;
        paths.sort_unstable_by(|a, b| a.as_os_str().as_bytes().cmp(b.as_os_str().as_bytes()));
        let clamp = |seconds| {
            if seconds > epoch || seconds >= since {
                epoch
            } else {
                seconds
            }
        };
        write(&paths, &clamp, file, out)
    })
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

fn write(paths: &[PathBuf], clamp: &dyn Fn(i64) -> i64, file: File, out: &Path) -> Result<()> {
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
    let length = match rustix::fs::llistxattr(path, &mut [0u8; 0][..]) {
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
