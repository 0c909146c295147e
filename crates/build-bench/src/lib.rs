//! Our builds side by side with mmdebstrap, tar and mke2fs, of the same packages, in the same minutes.
//!
//! Downloads are at hand for everybody. What is measured is the whole command, from its start to a file system image
//! on the disk:
//!
//! - the peer: `mmdebstrap` into a folder from a repository of the very .debs, `tar` for the packages of npm, which are
//!   unzipped already, `mke2fs -d`, `sync`;
//! - ours from an empty stage cache: `build-image`, whose kernel and initramfs are at hand, because the peer makes
//!   none. It also hashes, publishes and writes evidence, which the peer does not;
//! - ours after one overlay file was edited;
//! - ours after one small package was added to the recipe and its lock;
//! - ours with nothing changed.

mod ours;
mod peer;
mod report;

use std::path::Path;
use std::time::{Duration, Instant};

use kindling_base::{Context, Result, files};
use kindling_image::lock::Locked;
use kindling_image::plan::Plan;
use kindling_image::project::Project;
use kindling_store::Store;

use ours::Ours;
use peer::Peer;
pub use report::{Report, Times};

/// What is built.
#[derive(Debug)]
pub struct Subject<'a> {
    /// Our own program, whose `build-image` is run.
    pub program: &'a Path,
    /// The checkout.
    pub project: &'a Project,
    /// The store that has the downloads, the kernel and the initramfs.
    pub store: &'a Store,
    /// The recipe, locked.
    pub locked: &'a Locked,
    /// Keys of its stages.
    pub plan: &'a Plan,
    /// Bytes of its image.
    pub image_bytes: u64,
}

/// Runs every way `rounds` times, one after the other in each round, so that a busy machine is busy for all.
///
/// `folder` gets several times the image at once, and is left as it was. `progress` is told what runs next.
///
/// # Errors
/// A build failed, a program is missing, or the disk is full.
pub fn run(
    subject: &Subject<'_>,
    folder: &Path,
    rounds: usize,
    progress: &mut dyn FnMut(&str),
) -> Result<Report> {
    let scratch = tempfile::Builder::new()
        .prefix("bench-build-")
        .tempdir_in(folder)
        .context(format!("cannot create a folder in {}", folder.display()))?;
    progress("preparing: a repository of the .debs, a project of its own");
    let peer = Peer::prepare(subject, &scratch.path().join("peer"))?;
    let ours = Ours::prepare(subject, &scratch.path().join("ours"))?;
    progress("preparing: a lock with one package more, and its download");
    ours.prepare_more()?;
    let mut times = Times::default();
    for round in 1..=rounds {
        let mut time = |name: &str, work: &dyn Fn() -> Result<()>| {
            progress(&format!("round {round} of {rounds}: {name}"));
            settle(scratch.path())?;
            let start = Instant::now();
            work()?;
            Ok::<Duration, kindling_base::Error>(start.elapsed())
        };
        peer.clear()?;
        times
            .peer
            .push(time("mmdebstrap, mke2fs -d", &|| peer.build())?);
        peer.clear()?;
        ours.clear()?;
        times
            .empty
            .push(time("kindling, from empty", &|| ours.build())?);
        ours.edit(round)?;
        times
            .edited
            .push(time("kindling, an overlay file edited", &|| ours.build())?);
        times
            .added
            .push(time("kindling, one package more", &|| ours.build_more())?);
        times
            .unchanged
            .push(time("kindling, nothing changed", &|| ours.build())?);
    }
    Ok(Report {
        packages: subject.locked.lock.packages.len() + subject.locked.lock.npm.len(),
        times,
    })
}

/// Waits until the disk has nothing left to do of what came before.
fn settle(folder: &Path) -> Result<()> {
    rustix::fs::syncfs(files::open(folder)?).context(format!("cannot sync {}", folder.display()))
}
