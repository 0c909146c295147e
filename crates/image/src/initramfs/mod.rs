//! The initramfs: our own PID 1, compiled and packed.

mod archive;
pub(crate) mod compile;
#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};

use kindling_base::{Context, Error, Result, files};

/// Name of the archive.
pub const FILE: &str = "initramfs.cpio";

/// The most that the archive may weigh. An initramfs is unpacked into the guest's memory before anything else
/// runs, so that a heavy one starves a small machine.
pub const LIMIT_BYTES: usize = 512 << 10;

/// Compiles the PID 1 in `source` and writes `out/initramfs.cpio`, a `newc` archive whose bytes depend on the
/// sources, the compiler and `epoch` (seconds since 1970) alone.
///
/// `work` is a folder that cargo keeps its objects in from one build to the next.
///
/// # Errors
/// Cargo failed, the archive would weigh more than [`LIMIT_BYTES`], or a file cannot be read or written.
pub fn build(source: &Path, work: &Path, out: &Path, epoch: i64) -> Result<()> {
    let program = compile::compile(source, "kindling-init", &[], work)?;
    let archive = archive::pack(&files::read(&program)?, epoch)?;
    check_size(archive.len())?;
    files::create_dir_all(out)?;
    files::write_atomic(&out.join(FILE), &archive, 0o644)
}

/// Names of the kernel modules in an archive: `virtio_blk` for `.../virtio_blk.ko`.
///
/// # Errors
/// It is no `newc` archive.
pub fn modules(archive: &[u8]) -> Result<Vec<String>> {
    archive::modules(archive).context(format!("{FILE} does not read"))
}

fn check_size(bytes: usize) -> Result<()> {
    if bytes <= LIMIT_BYTES {
        return Ok(());
    }
    Err(Error::user(format!(
        "the initramfs is too large: {bytes} bytes, at most {LIMIT_BYTES} are allowed"
    ))
    .hint("look for what made PID 1 grow: formatting of floats, `alloc`, a new dependency"))
}

/// The files that determine the program, sorted: the manifest, the lock, the build script and everything in `src/`.
///
/// # Errors
/// The folder cannot be read.
pub fn sources(folder: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for name in ["Cargo.toml", "Cargo.lock", "build.rs"] {
        let path = folder.join(name);
        if path.exists() {
            found.push(path);
        }
    }
    let mut folders = vec![folder.join("src")];
    while let Some(folder) = folders.pop() {
        let what = || format!("cannot read the folder {}", folder.display());
        for entry in std::fs::read_dir(&folder).context(what())? {
            let entry = entry.context(what())?;
            match entry.file_type().context(what())?.is_dir() {
                true => folders.push(entry.path()),
                false => found.push(entry.path()),
            }
        }
    }
    found.sort();
    Ok(found)
}
