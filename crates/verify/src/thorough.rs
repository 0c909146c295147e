//! Builds of several recipes in several worlds: a table of hashes, each row of which has to be the same.

use std::path::Path;
use std::time::{Duration, Instant};

use kindling_base::hash::Hasher;
use kindling_base::{Event, Reporter, Result, files};
use kindling_store::Store;

use crate::host::Host;
use crate::world::World;
use crate::{Difference, Request, build, compare, sums, work_folder};

/// The builds of one world.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The circumstances, for a person.
    pub world: String,
    /// For each recipe, a SHA-256 over names and SHA-256 of all files of its bundle.
    pub bundles: Vec<String>,
    /// The time of all builds together.
    pub elapsed: Duration,
    /// What differs from the first world.
    pub differences: Vec<Difference>,
}

/// Builds each recipe as this machine is, with everything different that one machine can vary, on each of `hosts`, and over
/// what earlier builds left; `each` gets the row of each world when it is done.
///
/// # Errors
/// A build failed, or a folder cannot be read or written; differences are in the rows.
pub fn thorough(
    requests: &[&Request<'_>],
    hosts: &[Host],
    reporter: &dyn Reporter,
    each: &mut dyn FnMut(&Row),
) -> Result<()> {
    let Some(request) = requests.first() else {
        return Ok(());
    };
    let (folder, _lock) = work_folder(request, reporter)?;
    let first = World::plain(&folder.join("first"), request.checkout);
    each(&row(requests, &first, None, reporter)?);
    lend_downloads(requests, &first)?;

    let work = folder.join("next");
    let mut in_turn = |world: World| -> Result<()> {
        each(&row(requests, &world, Some(&first), reporter)?);
        files::remove(&work)
    };
    in_turn(World::skewed(&work, request)?)?;
    for host in hosts {
        in_turn(World::host(&work, host, request)?)?;
    }

    let kept = keep_bundles(&first, &folder.join("kept"))?;
    forget_results(requests, &first)?;
    let mut leftovers = World::plain(&first.folder, request.checkout);
    leftovers.varied = vec!["over the work folders of earlier builds".to_owned()];
    each(&row(requests, &leftovers, Some(&kept), reporter)?);
    files::remove(&folder)
}

/// Builds in a world, and compares with `first`, if it is another one.
fn row(
    requests: &[&Request<'_>],
    world: &World,
    first: Option<&World>,
    reporter: &dyn Reporter,
) -> Result<Row> {
    reporter.report(Event::Note(format!("building: {}", world.description())));
    let started = Instant::now();
    build(requests, world)?;
    let elapsed = started.elapsed();
    let (mut bundles, mut differences) = (Vec::new(), Vec::new());
    for request in requests {
        let bundle = world.bundle(request.recipe);
        bundles.push(hash(&bundle)?);
        if let Some(first) = first {
            differences.extend(compare(&first.bundle(request.recipe), &bundle)?);
        }
    }
    Ok(Row {
        world: world.description(),
        bundles,
        elapsed,
        differences,
    })
}

fn hash(bundle: &Path) -> Result<String> {
    let mut all = Hasher::new();
    for (name, sha256) in sums(bundle)? {
        all.field(&name).field(&sha256);
    }
    Ok(all.finish())
}

/// Takes what the first world had to download into the store: other machines may have no network.
fn lend_downloads(requests: &[&Request<'_>], first: &World) -> Result<()> {
    let store = Store::open(&first.store())?;
    for request in requests {
        for sha256 in &request.blobs {
            if let (None, Some(blob)) = (request.store.blob(sha256), store.blob(sha256)) {
                request.store.adopt_blob(sha256, &blob)?;
            }
        }
    }
    Ok(())
}

/// Puts a world's bundles where later builds do not replace them.
fn keep_bundles(world: &World, to: &Path) -> Result<World> {
    files::create_dir_all(to)?;
    let kept = World::plain(to, &world.checkout);
    files::rename(&world.bundle(""), &kept.bundle(""))?;
    Ok(kept)
}

/// Removes what the stages of a world made, and leaves its work folders: a kernel's tree, cargo's objects.
fn forget_results(requests: &[&Request<'_>], world: &World) -> Result<()> {
    let store = Store::open(&world.store())?;
    for request in requests {
        for (stage, key) in &request.stages {
            store.discard(stage, key, || {})?;
        }
    }
    Ok(())
}
