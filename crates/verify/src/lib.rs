//! Proving that an image is the same wherever it is built: two builds in two worlds, compared byte for byte.

mod bytes;
mod compare;
mod host;
mod image;
mod skewed;
mod thorough;
mod user;
mod world;

use std::path::{Path, PathBuf};

use kindling_base::{Error, Event, Lock, Reporter, Result, files, hash};
use kindling_store::Store;

/// The list of a bundle's hashes.
const SUMS: &str = "SHA256SUMS";

use world::World;

pub use compare::{Difference, compare};
pub use host::{FileSystem, Host};
pub use thorough::{Row, thorough};

/// A build to make twice.
pub struct Request<'a> {
    /// Our own program: its `build-image` is run in each world.
    pub program: &'a Path,
    /// Arguments of `build-image` that say what to build: the recipe, as seen from the checkout; mirrors.
    pub arguments: &'a [String],
    /// The checkout.
    pub checkout: &'a Path,
    /// What a world is made with.
    pub project: &'a dyn Project,
    /// The recipe's name.
    pub recipe: &'a str,
    /// SHA-256 of each download.
    pub blobs: Vec<&'a str>,
    /// Stages whose results both builds take from the store where it has them, each with its key: packages of npm, which
    /// are downloads, and the kernel, unless two are to be compiled.
    pub shared: Vec<(&'static str, String)>,
    /// All other stages, each with its key.
    pub stages: Vec<(&'static str, String)>,
    /// The store that has the downloads.
    pub store: &'a Store,
}

/// What a world is made with.
pub trait Project {
    /// Copies the checkout into a folder: whatever a build reads.
    ///
    /// # Errors
    /// It cannot be read, or the folder cannot be written.
    fn copy(&self, to: &Path) -> Result<()>;

    /// Compiles the C source `source` in a folder to the shared library `library` there.
    ///
    /// # Errors
    /// There is no compiler, or it failed.
    fn compile(&self, folder: &Path, source: &str, library: &str) -> Result<()>;
}

/// Two builds that came out the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verified {
    /// Each file of the bundle with its SHA-256.
    pub files: Vec<(String, String)>,
    /// The differences of the second world, each for a person.
    pub varied: Vec<String>,
}

/// Builds twice from an empty stage cache and compares every file of the bundles.
///
/// # Errors
/// A build failed, or the bundles differ: the error names each file, offset and path with both sides.
pub fn verify(request: &Request<'_>, reporter: &dyn Reporter) -> Result<Verified> {
    let (folder, _lock) = work_folder(request, reporter)?;
    files::create_dir_all(&folder)?;
    let worlds = [
        World::plain(&folder.join("a"), request.checkout),
        World::skewed(&folder, request)?,
    ];
    for (number, world) in (1..).zip(&worlds) {
        let note = format!("build {number} of 2: {}", world.description());
        reporter.report(Event::Note(note));
        build(&[request], world)?;
    }
    let bundles = worlds.each_ref().map(|world| world.bundle(request.recipe));
    let differences = compare(&bundles[0], &bundles[1])?;
    let result = match differences.as_slice() {
        [] => Ok(Verified {
            files: sums(&bundles[0])?,
            varied: worlds[1].varied.clone(),
        }),
        differences => Err(report(request.recipe, differences)),
    };
    files::remove(&folder)?;
    result
}

/// Builds once more from an empty stage cache and compares the bundle with `bundle`, which somebody built before. Files that
/// `bundle` does not list in its sums, such as a signature, are left out.
///
/// # Errors
/// The build failed, or a file cannot be read; differences are in the answer.
pub fn rebuild(
    request: &Request<'_>,
    bundle: &Path,
    reporter: &dyn Reporter,
) -> Result<Vec<Difference>> {
    let (folder, _lock) = work_folder(request, reporter)?;
    let world = World::plain(&folder.join("a"), request.checkout);
    build(&[request], &world)?;
    let rebuilt = world.bundle(request.recipe);
    let listed = files::read_text(&bundle.join(SUMS))?;
    let differences = compare(bundle, &rebuilt)?.into_iter().filter(|one| {
        let is_listed = listed
            .lines()
            .any(|line| line.ends_with(&format!(" {}", one.file)));
        one.file == SUMS || is_listed || rebuilt.join(&one.file).exists()
    });
    let differences = differences.collect();
    files::remove(&folder)?;
    Ok(differences)
}

/// The work folder of verifications, empty, ours until the lock is dropped.
fn work_folder(request: &Request<'_>, reporter: &dyn Reporter) -> Result<(PathBuf, Lock)> {
    let (folder, lock) = request.store.work("verify", || {
        reporter.report(Event::Note("waiting for another verification".to_owned()));
    })?;
    files::remove(&folder)?; // what a crash left
    Ok((folder, lock))
}

/// Builds in a world, one after the other.
fn build(requests: &[&Request<'_>], world: &World) -> Result<()> {
    let store = Store::open(&world.store())?;
    for request in requests {
        for sha256 in &request.blobs {
            if let Some(blob) = request.store.blob(sha256) {
                store.adopt_blob(sha256, &blob)?;
            }
        }
        for (stage, key) in &request.shared {
            if let Some(result) = request.store.stage(stage, key) {
                store.adopt_stage(stage, key, &result)?;
            }
        }
    }
    drop(store);
    world.hand_over()?;
    let builds: Vec<&[String]> = requests.iter().map(|request| request.arguments).collect();
    match requests {
        [] => Ok(()),
        [first, ..] => world.run(first.program, &builds),
    }
}

fn sums(bundle: &Path) -> Result<Vec<(String, String)>> {
    let paths = files::list(bundle)?;
    let sum = |path: &PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        Ok((name.into_owned(), hash::file(path)?))
    };
    paths.iter().map(sum).collect()
}

/// The error that tells differences; `what` differs.
pub fn differs(what: &str, differences: &[Difference]) -> Error {
    let count = match differences {
        [_] => "one file".to_owned(),
        more => format!("{} files", more.len()),
    };
    let error = Error::external(format!("{what} in {count}"));
    differences
        .iter()
        .fold(error, |error, one| error.note(one.to_string()))
}

fn report(recipe: &str, differences: &[Difference]) -> Error {
    let error = differs(&format!("two builds of {recipe} differ"), differences);
    error.hint("find what writes it: a time, a random number, an order or a path of the build; images must not have any of these")
}

#[cfg(test)]
mod tests;
