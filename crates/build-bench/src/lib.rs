//! Compares our builds with mmdebstrap, tar and mke2fs: the same packages, in the same minutes.
//!
//! Nobody downloads: all packages are there before the first round. Each time is that of the whole command, from its
//! start to a file system image on the disk:
//!
//! - the peer: `mmdebstrap` into a folder from a repository of the very .debs, `tar` for the packages of npm, which are
//!   unzipped already, `mke2fs -d`, `sync`;
//! - ours from an empty stage cache: `build-image`. Kernel and initramfs are in the store already, because the peer
//!   makes neither. Ours also hashes, publishes and writes evidence, which the peer does not;
//! - ours after one overlay file was edited;
//! - ours after one small package was added to the recipe and its lock;
//! - ours with nothing changed.

mod ours;
mod peer;
mod report;

use std::path::Path;

use kindling_base::{Context, Result};
use kindling_bench::contest::{Way, in_turns};
use kindling_image::lock::Locked;
use kindling_image::plan::Plan;
use kindling_image::project::Project;
use kindling_store::Store;

use ours::Ours;
use peer::Peer;
pub use report::{ADDED, EDITED, EMPTY, PEER, Report, UNCHANGED};

/// The recipe to build, and where everything that it needs lies.
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
/// `folder` needs room for several images, and is left as it was. `progress` is told what runs next.
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
    let nothing = |_| Ok(());
    let ways = [
        Way::new(PEER, |_| peer.clear(), || peer.build()),
        Way::new(
            EMPTY,
            |_| peer.clear().and_then(|()| ours.clear()),
            || ours.build(),
        ),
        Way::new(EDITED, |round| ours.edit(round), || ours.build()),
        Way::new(ADDED, nothing, || ours.build_more()),
        Way::new(UNCHANGED, nothing, || ours.build()),
    ];
    let times = in_turns(&ways, rounds, scratch.path(), progress)?;
    Ok(Report {
        packages: subject.locked.lock.packages.len() + subject.locked.lock.npm.len(),
        times,
    })
}
