//! The `newc` archive that the kernel unpacks.

use std::io::Write;

use cpio::newc::{self, Builder, ModeFileType, trailer};
use kindling_base::{Context, Error, Result};

/// Major and minor number of /dev/console (Documentation/admin-guide/devices.txt of the kernel).
const CONSOLE: (u32, u32) = (5, 1);

/// Empty folders: where PID 1 mounts things. The archive has them so that it need not make them.
const FOLDERS: [&str; 4] = ["dev", "proc", "root", "sys"];

/// An archive with `program` as `/init`: sorted by path, inodes counted from 1, owned by root.
///
/// The kernel gives PID 1 its console through the archive's own `dev/console`.
pub(super) fn pack(program: &[u8], epoch: i64) -> Result<Vec<u8>> {
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
    let init = Builder::new("init")
        .mode(0o755)
        .set_mode_file_type(ModeFileType::Regular);
    let folder = |name: &'static str| {
        let entry = Builder::new(name)
            .mode(0o755)
            .nlink(2)
            .set_mode_file_type(ModeFileType::Directory);
        (name, entry, &[][..])
    };
    let mut entries: Vec<(&str, Builder, &[u8])> = FOLDERS.map(folder).into();
    entries.push(("dev/console", node, &[]));
    entries.push(("init", init, program));
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

/// Names of the kernel modules in an archive.
pub(super) fn modules(archive: &[u8]) -> std::io::Result<Vec<String>> {
    let mut names = Vec::new();
    let mut rest = archive;
    loop {
        let reader = newc::Reader::new(rest)?;
        if reader.entry().is_trailer() {
            return Ok(names);
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
        assert_eq!(modules(&archive).unwrap(), ["virtio_blk", "virtio_ring"]);
        assert!(modules(b"no archive").is_err());
    }
}
