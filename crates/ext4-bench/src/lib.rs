//! Our ext4 writer side by side with its peers, on the same tree in the same minute.
//!
//! Every way starts from a tar and ends when the image is on the disk:
//!
//! - ours: the tar read as a tree, the image written, `fsync`;
//! - `tar x` into a folder, then `mke2fs -d` from it, `fsync`;
//! - the formatter of the crate `arcbox-ext4`, `fsync`;
//! - `dd` of the tar itself with `conv=fsync`: what the disk alone costs.

mod contestants;
mod report;

use std::path::Path;
use std::time::{Duration, Instant};

use kindling_base::{Context, Result, files};

pub use report::{Report, Times};

/// Runs every way `rounds` times, one after the other in each round, so that a busy machine is busy for all.
///
/// `folder` gets the images, some three times the tar at once, and is left as it was. `progress` is told
/// what runs next. Owners are kept only for root, as `tar` can set them for root only.
///
/// # Errors
/// The tar cannot be read, a program is missing or fails, or the disk is full.
pub fn run(
    tar: &Path,
    folder: &Path,
    rounds: usize,
    progress: &mut dyn FnMut(&str),
) -> Result<Report> {
    let scratch = tempfile::Builder::new()
        .prefix("bench-ext4-")
        .tempdir_in(folder)
        .context(format!("cannot create a folder in {}", folder.display()))?;
    let image = scratch.path().join("image.ext4");
    let bytes = contestants::measure(tar)?;
    warm(tar)?;
    let mut times = Times::default();
    for round in 1..=rounds {
        let mut time = |name: &str, work: &dyn Fn() -> Result<()>| {
            progress(&format!("round {round} of {rounds}: {name}"));
            files::remove(&image)?;
            files::sync_folder(scratch.path())?;
            settle(scratch.path())?;
            let start = Instant::now();
            work()?;
            Ok::<Duration, kindling_base::Error>(start.elapsed())
        };
        times.dd.push(time("dd", &|| contestants::dd(tar, &image))?);
        times
            .ours
            .push(time("kindling", &|| contestants::ours(tar, &image))?);
        let unpacked = scratch.path().join("unpacked");
        times.mke2fs.push(time("tar x, mke2fs -d", &|| {
            contestants::mke2fs(tar, &unpacked, &image, bytes)
        })?);
        files::remove(&unpacked)?;
        times.arcbox.push(time("arcbox-ext4", &|| {
            contestants::arcbox(tar, &image, bytes)
        })?);
    }
    Ok(Report {
        tar_bytes: files::open(tar)?
            .metadata()
            .context(format!("cannot read {}", tar.display()))?
            .len(),
        image_bytes: bytes,
        times,
    })
}

/// Reads the tar once, so that the first contestant does not pay for it.
fn warm(tar: &Path) -> Result<()> {
    std::io::copy(&mut files::open(tar)?, &mut std::io::sink())
        .context(format!("cannot read {}", tar.display()))?;
    Ok(())
}

/// Waits until the disk has nothing left to do of what came before.
fn settle(folder: &Path) -> Result<()> {
    rustix::fs::syncfs(files::open(folder)?).context(format!("cannot sync {}", folder.display()))
}
