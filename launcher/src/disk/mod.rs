//! A VM's own root disk: copy-on-write over the bundle's image or a snapshot's disk, which are never written to.

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

/// The file of a disk that stands alone.
pub(crate) const RAW: &str = "disk.raw";

/// A root disk in the VM's folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Disk {
    /// Its file in the VM's folder.
    pub file: PathBuf,
    /// The format of that file.
    pub format: Format,
    /// The images below it, the nearest first; none if the disk stands alone.
    pub layers: Vec<Layer>,
    /// The disk's size as the guest sees it, in bytes.
    pub size: u64,
    /// SHA-256 of the bundle's image that it was made from.
    pub base_sha256: String,
}

/// An image below a disk. Nobody writes to it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Layer {
    /// In the VM's folder, or absolute where it cannot be linked there.
    pub file: PathBuf,
    /// Its format.
    pub format: Format,
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
    let (size, base_sha256) = (rootfs.size, rootfs.sha256.clone());
    if clone_extents(&image, &folder.join(RAW))? {
        return Ok(alone(size, base_sha256));
    }
    let base = Layer {
        file: link(&image, folder, "rootfs.base"),
        format: Format::Raw,
    };
    overlay(folder, vec![base], size, base_sha256)
}

/// Copies the disk of the VM in `folder`, which nobody writes to meanwhile, to the folder `into`.
///
/// # Errors
/// `into` cannot be written.
pub(crate) fn save(disk: &Disk, folder: &Path, into: &Path) -> Result<Disk> {
    files::copy(&folder.join(&disk.file), &into.join(&disk.file), 0o600)?;
    Ok(Disk {
        layers: link_layers(&disk.layers, folder, into),
        ..disk.clone()
    })
}

/// Makes a disk in `folder` that goes on from the disk `saved` in the folder `from`, whose SHA-256 is `sha256`.
///
/// # Errors
/// The folder cannot be written.
pub(crate) fn resume(folder: &Path, saved: &Disk, from: &Path, sha256: &str) -> Result<Disk> {
    let file = from.join(&saved.file);
    if saved.format == Format::Raw && clone_extents(&file, &folder.join(RAW))? {
        return Ok(alone(saved.size, saved.base_sha256.clone()));
    }
    // A name of its own, as the layers below keep the names that they have.
    let name = format!(
        "{}.{}",
        &sha256[..sha256.len().min(16)],
        saved.format.name()
    );
    let mut layers = vec![Layer {
        file: link(&file, folder, &name),
        format: saved.format,
    }];
    layers.extend(link_layers(&saved.layers, from, folder));
    overlay(folder, layers, saved.size, saved.base_sha256.clone())
}

/// As [`resume`], where the monitor reads raw disks only.
///
/// # Errors
/// The folder cannot be written.
pub(crate) fn resume_raw(folder: &Path, saved: &Disk, from: &Path) -> Result<Disk> {
    files::copy(&from.join(&saved.file), &folder.join(RAW), 0o600)?;
    Ok(alone(saved.size, saved.base_sha256.clone()))
}

/// A disk that shares extents and nothing else.
fn alone(size: u64, base_sha256: String) -> Disk {
    Disk {
        file: RAW.into(),
        format: Format::Raw,
        layers: Vec::new(),
        size,
        base_sha256,
    }
}

/// An empty overlay over `layers`.
fn overlay(folder: &Path, layers: Vec<Layer>, size: u64, base_sha256: String) -> Result<Disk> {
    let base = layers
        .first()
        .ok_or_else(|| Error::internal("an overlay needs something below it"))?;
    let bytes = qcow2::overlay(size, base.file.as_os_str().as_bytes(), base.format);
    let bytes = bytes.ok_or_else(|| {
        Error::user(format!(
            "{} cannot be the base of a qcow2 overlay: it has {size} bytes, at most {} are possible",
            base.file.display(),
            qcow2::LARGEST
        ))
    })?;
    let path = folder.join("disk.qcow2");
    std::fs::write(&path, bytes).context(format!("cannot write {}", path.display()))?;
    Ok(Disk {
        file: "disk.qcow2".into(),
        format: Format::Qcow2,
        layers,
        size,
        base_sha256,
    })
}

/// Makes the disk of a VM whose monitor reads raw disks only: a clone of the image's extents, or a copy of its data
/// that keeps the holes.
///
/// # Errors
/// The folder cannot be written.
pub(crate) fn create_raw(folder: &Path, bundle: &Path, rootfs: &Artifact) -> Result<Disk> {
    files::copy(&bundle.join(&rootfs.file), &folder.join(RAW), 0o600)?;
    Ok(alone(rootfs.size, rootfs.sha256.clone()))
}

/// Gives the layers of a disk in `from` the same names in `to`: a layer names the one below it by its name.
fn link_layers(layers: &[Layer], from: &Path, to: &Path) -> Vec<Layer> {
    let link = |layer: &Layer| Layer {
        file: link_anew(&layer.file, from, to),
        format: layer.format,
    };
    layers.iter().map(link).collect()
}

/// Gives a file that has its name in the folder `from` the same name in `to`; one with an absolute path keeps that.
pub(crate) fn link_anew(file: &Path, from: &Path, to: &Path) -> PathBuf {
    match file.to_str().filter(|_| file.is_relative()) {
        Some(name) => link(&from.join(name), to, name),
        None => file.to_owned(),
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
