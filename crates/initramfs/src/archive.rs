//! The `newc` archive that the kernel unpacks.

use std::collections::BTreeSet;
use std::io::Write;

use cpio::newc::{self, Builder, ModeFileType, trailer};
use kindling_base::{Context, Error, Result};

/// Major and minor number of /dev/console (Documentation/admin-guide/devices.txt of the kernel).
const CONSOLE: (u32, u32) = (5, 1);

/// Empty folders: where PID 1 mounts things. The archive has them so that it need not make them.
const FOLDERS: [&str; 4] = ["dev", "proc", "root", "sys"];

/// The first bytes of every archive of this format.
const MAGIC: &[u8] = b"070701";

/// An archive of files, each with its path, of which `init` is the program to start: sorted by path, inodes counted from
/// 1, owned by root.
///
/// The kernel gives PID 1 its console through the archive's own `dev/console`.
pub(super) fn pack(files: &[(String, Vec<u8>)], epoch: i64) -> Result<Vec<u8>> {
    let mtime = u32::try_from(epoch).map_err(|_| {
        Error::user(format!(
            "the epoch {epoch} does not fit into a newc archive, which counts from 1970 to 2106"
        ))
    })?;
    let node = Builder::new("dev/console")
        .mode(0o600)
        .set_mode_file_type(ModeFileType::Char)
        .rdev_major(CONSOLE.0)
        .rdev_minor(CONSOLE.1);
    let folders = files.iter().filter_map(|(path, _)| path.split_once('/'));
    let folders: BTreeSet<&str> = folders.map(|(folder, _)| folder).chain(FOLDERS).collect();
    let folder = |name| {
        let entry = Builder::new(name)
            .mode(0o755)
            .nlink(2)
            .set_mode_file_type(ModeFileType::Directory);
        (name, entry, &[][..])
    };
    let mut entries: Vec<(&str, Builder, &[u8])> = folders.into_iter().map(folder).collect();
    entries.push(("dev/console", node, &[]));
    for (path, content) in files {
        let entry = Builder::new(path)
            .mode(if path == "init" { 0o755 } else { 0o644 })
            .set_mode_file_type(ModeFileType::Regular);
        entries.push((path, entry, content));
    }
    entries.sort_by_key(|(name, ..)| *name);

    let what = "cannot pack the initramfs";
    let mut archive = Vec::new();
    for (inode, (_, entry, content)) in (1..).zip(entries) {
        let size = u32::try_from(content.len()).map_err(|_| Error::internal(what))?;
        let mut writer = entry.ino(inode).mtime(mtime).write(&mut archive, size);
        writer.write_all(content).context(what)?;
        writer.finish().context(what)?;
    }
    trailer(&mut archive).context(what)?;
    Ok(archive)
}

/// Whether an archive begins here.
pub(super) fn is_archive(bytes: &[u8]) -> bool {
    bytes.starts_with(MAGIC)
}

/// Adds the names of the kernel modules in an archive, and returns what follows it.
pub(super) fn modules<'a>(archive: &'a [u8], names: &mut Vec<String>) -> std::io::Result<&'a [u8]> {
    let mut rest = archive;
    loop {
        let reader = newc::Reader::new(rest)?;
        if reader.entry().is_trailer() {
            return reader.finish();
        }
        let file = reader.entry().name().rsplit('/').next().unwrap_or_default();
        if let Some((name, _)) = file.split_once(".ko") {
            names.push(name.replace('-', "_"));
        }
        rest = reader.finish()?;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modules_are_named_as_the_kernel_names_them() {
        let mut archive = Vec::new();
        for name in ["init", "lib/modules/virtio_blk.ko", "lib/virtio-ring.ko.xz"] {
            let writer = Builder::new(name).mode(0o644).write(&mut archive, 0);
            writer.finish().unwrap();
        }
        trailer(&mut archive).unwrap();
        archive.extend_from_slice(b"\0\0rest");
        let mut names = Vec::new();
        assert_eq!(modules(&archive, &mut names).unwrap(), b"\0\0rest");
        assert_eq!(names, ["virtio_blk", "virtio_ring"]);
        assert!(modules(b"no archive", &mut names).is_err());
    }
}
