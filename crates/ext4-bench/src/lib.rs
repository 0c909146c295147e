//! Compares our ext4 writer with its peers: the same tree, in the same minutes.
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

use kindling_base::{Context, Result, files};
use kindling_bench::contest::{Way, in_turns};

pub use report::{ARCBOX, DD, MKE2FS, OURS, Report};

/// Runs every way `rounds` times, one after the other in each round, so that a busy machine is busy for all.
///
/// `folder` needs room for some three times the tar, and is left as it was. `progress` is told what runs next. Run it
/// as root: `tar` keeps owners for root only.
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
    let unpacked = scratch.path().join("unpacked");
    let clear = |_| {
        files::remove(&image)?;
        files::remove(&unpacked)?;
        files::sync_folder(scratch.path())
    };
    let ways = [
        Way::new(DD, clear, || contestants::dd(tar, &image)),
        Way::new(OURS, clear, || contestants::ours(tar, &image)),
        Way::new(MKE2FS, clear, || {
            contestants::mke2fs(tar, &unpacked, &image, bytes)
        }),
        Way::new(ARCBOX, clear, || contestants::arcbox(tar, &image, bytes)),
    ];
    let times = in_turns(&ways, rounds, scratch.path(), progress)?;
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
