//! A VM's own root disk: copy-on-write over the bundle's image, which is never written to.

mod qcow2;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use kindling_base::{Context, Error, Result, files};
use kindling_bundle::Artifact;
use serde::{Deserialize, Serialize};

/// A disk that is its bytes, in the VM's folder.
pub(crate) const RAW: &str = "disk.raw";

/// A root disk in the VM's folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// Its file in the VM's folder.
    pub file: PathBuf,
    /// How that file is to be read.
    pub format: Format,
    /// The image below it, in the VM's folder or absolute; `None` where the disk stands alone.
    pub base: Option<PathBuf>,
    /// SHA-256 of the image that it was made from.
    pub base_sha256: String,
}

/// The format of a disk's file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The bytes of the disk; they share space with the bundle's image through the file system.
    Raw,
    /// An overlay that holds what the guest wrote.
    Qcow2,
}

impl Format {
    /// QEMU's name of it.
    pub fn name(self) -> &'static str {
        match self {
            Format::Raw => "raw",
            Format::Qcow2 => "qcow2",
        }
    }
}

/// Makes the disk of a VM in `folder` from the image `rootfs` of `bundle`: a clone of its extents where the file
/// system can, else an overlay over a hard link, so that a bundle built anew does not change the disk of an older VM.
///
/// # Errors
/// The folder cannot be written or the image is larger than an overlay can be.
pub(crate) fn create(folder: &Path, bundle: &Path, rootfs: &Artifact) -> Result<Disk> {
    let image = bundle.join(&rootfs.file);
    if clone_extents(&image, &folder.join(RAW))? {
        return Ok(raw(rootfs));
    }
    let base = link(&image, folder, "rootfs.base");
    let overlay = qcow2::overlay(rootfs.size, base.as_os_str().as_bytes()).ok_or_else(|| {
        Error::user(format!(
            "{} cannot be the base of a qcow2 overlay: it has {} bytes, at most {} are possible",
            image.display(),
            rootfs.size,
            qcow2::LARGEST
        ))
    })?;
    let path = folder.join("disk.qcow2");
    std::fs::write(&path, overlay).context(format!("cannot write {}", path.display()))?;
    Ok(Disk {
        file: "disk.qcow2".into(),
        format: Format::Qcow2,
        base: Some(base),
        base_sha256: rootfs.sha256.clone(),
    })
}

/// Makes the disk of a VM whose monitor reads raw disks only: a clone of the image's extents, or a copy of its data
/// that keeps the holes.
///
/// # Errors
/// The folder cannot be written.
pub(crate) fn create_raw(folder: &Path, bundle: &Path, rootfs: &Artifact) -> Result<Disk> {
    files::copy(&bundle.join(&rootfs.file), &folder.join(RAW), 0o600)?;
    Ok(raw(rootfs))
}

fn raw(rootfs: &Artifact) -> Disk {
    Disk {
        file: RAW.into(),
        format: Format::Raw,
        base: None,
        base_sha256: rootfs.sha256.clone(),
    }
}

/// Gives `file` a second name in `folder`, so that replacing the bundle leaves the VM what it has. Returns that
/// name, or the file's absolute path where no link is possible: another file system, somebody else's file.
pub(crate) fn link(file: &Path, folder: &Path, name: &str) -> PathBuf {
    match std::fs::hard_link(file, folder.join(name)) {
        Ok(()) => name.into(),
        Err(_) => std::path::absolute(file).unwrap_or_else(|_| file.to_owned()),
    }
}

/// Whether the file system could make `to` share the extents of `from`.
fn clone_extents(from: &Path, to: &Path) -> Result<bool> {
    let source = files::open(from)?;
    let target = files::create(to)?;
    if rustix::fs::ioctl_ficlone(&target, &source).is_err() {
        files::remove(to)?;
        return Ok(false);
    }
    set_private(&target).context(format!("cannot set the mode of {}", to.display()))?;
    Ok(true)
}

fn set_private(file: &File) -> std::io::Result<()> {
    file.set_permissions(std::fs::Permissions::from_mode(0o600))
}
