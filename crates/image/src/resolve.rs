//! From a recipe to a locked recipe: read the lock beside it, or ask the archives and write one.

use std::path::Path;
use std::time::SystemTime;

use kindling_base::{Error, Event, Reporter, Result};
use kindling_debian::{
    Archive, Client, Index, LockedPackage, Mirrors, Request, fetch_index, solve,
};
use kindling_store::Store;

use crate::lock::{self, Lock, Locked, PinnedKernel};
use crate::project::Project;
use crate::recipe::{KernelSource, Located, Recipe};

/// What may happen to the lock file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// A missing or stale lock is an error.
    Frozen,
    /// A missing or stale lock is written; a fitting one is used as it is.
    Keep,
    /// The archives are asked again whatever the lock says.
    Update,
}

/// Where to resolve: mirrors, store and the rules for signatures.
#[derive(Clone, Debug)]
pub struct Sources<'a> {
    /// The checkout.
    pub project: &'a Project,
    /// The store that keeps indices.
    pub store: &'a Store,
    /// Mirrors named on the command line, each `NAME=URL`.
    pub mirrors: &'a [String],
    /// Whether an index whose Valid-Until has passed is good enough.
    pub allow_expired: bool,
    /// The time of this build, for Valid-Until only.
    pub now: SystemTime,
}

/// Locks `recipe` as `policy` allows. A changed lock is written beside the recipe and its changes are
/// reported as notes.
///
/// # Errors
/// The lock is missing or stale under [`Policy::Frozen`]; the archives cannot be reached or trusted; a
/// package does not exist or its dependencies cannot be met.
pub fn resolve(
    recipe: Recipe,
    policy: Policy,
    sources: &Sources<'_>,
    reporter: &dyn Reporter,
) -> Result<Locked> {
    let path = lock::path(&recipe.path);
    let old = lock::read(&path)?;
    let fits = old
        .as_ref()
        .is_some_and(|lock| lock.request == lock::request(&recipe));
    match (policy, old) {
        (Policy::Frozen | Policy::Keep, Some(lock)) if fits => Ok(Locked { recipe, lock }),
        (Policy::Frozen, old) => Err(frozen(&path, old.is_some())),
        (_, old) => {
            let lock = ask_archives(&recipe, sources, reporter)?;
            report_changes(&path, old.as_ref(), &lock, reporter);
            lock::write(&path, &lock)?;
            Ok(Locked { recipe, lock })
        }
    }
}

/// The mirrors of a recipe: command line, environment, recipe, user's configuration, the machine's apt.
///
/// # Errors
/// One of these sources does not parse.
pub fn mirrors(recipe: &Recipe, sources: &Sources<'_>) -> Result<Mirrors> {
    let named = recipe.rootfs.mirrors.iter();
    let named = named
        .map(|(name, url)| (name.clone(), url.value.clone()))
        .collect();
    Mirrors::of_this_machine(sources.mirrors, &named)
}

fn ask_archives(recipe: &Recipe, sources: &Sources<'_>, reporter: &dyn Reporter) -> Result<Lock> {
    let archive = Archive {
        distribution: recipe.image.distribution.value.clone(),
        suites: values(&recipe.rootfs.suites),
        components: values(&recipe.rootfs.components),
        architecture: recipe.image.architecture.clone(),
        keyring: crate::keyring::find(&sources.project.keyrings(), &recipe.rootfs.keyring.value)
            .map_err(|error| recipe.rootfs.keyring.locate(error))?,
        allow_expired: sources.allow_expired,
        now: sources.now,
    };
    let mirrors = mirrors(recipe, sources)?;
    let index = fetch_index(
        &Client::default(),
        &archive,
        &mirrors,
        sources.store,
        reporter,
    )?;
    let request = Request {
        packages: values(&recipe.rootfs.packages),
        recommends: recipe.rootfs.recommends,
    };
    let packages = solve(&index, &request).map_err(|error| error.within(recipe.path.display()))?;
    Ok(lock::new(recipe, pin_kernel(recipe, &index)?, packages))
}

fn pin_kernel(recipe: &Recipe, index: &Index) -> Result<PinnedKernel> {
    match &recipe.kernel.source {
        KernelSource::Url { url, sha256 } => Ok(PinnedKernel::Url {
            url: url.value.clone(),
            sha256: sha256.value.clone(),
        }),
        KernelSource::Package(name) => match index.candidate(&name.value) {
            Some(package) => Ok(PinnedKernel::Package { package }),
            None => Err(name
                .error(format!("the archive has no package `{}`", name.value))
                .hint("the kernel's source is a package such as `linux-source-6.1`")),
        },
    }
}

fn values(list: &[Located<String>]) -> Vec<String> {
    list.iter().map(|item| item.value.clone()).collect()
}

fn frozen(path: &Path, exists: bool) -> Error {
    let state = if exists {
        "does not fit its recipe any more"
    } else {
        "does not exist"
    };
    Error::user(format!(
        "{} {state}, and `--locked` forbids to write it",
        path.display()
    ))
    .hint("run `cargo xtask lock` and commit the result, or build without `--locked`")
}

fn report_changes(path: &Path, old: Option<&Lock>, new: &Lock, reporter: &dyn Reporter) {
    let Some(old) = old else {
        let count = new.packages.len();
        reporter.report(Event::Note(format!(
            "wrote {}: {count} packages",
            path.display()
        )));
        return;
    };
    let rows = changes(&old.packages, &new.packages);
    if rows.is_empty() {
        reporter.report(Event::Note(format!(
            "{}: no package changed",
            path.display()
        )));
    } else {
        reporter.report(Event::Note(format!(
            "{}:\n{}",
            path.display(),
            rows.join("\n")
        )));
    }
}

/// The differences of two package lists, one line each: `  name  old -> new`.
fn changes(old: &[LockedPackage], new: &[LockedPackage]) -> Vec<String> {
    let key = |package: &LockedPackage| (package.name.clone(), package.architecture.clone());
    let index = |list: &[LockedPackage]| -> std::collections::BTreeMap<_, _> {
        list.iter()
            .map(|package| (key(package), package.version.clone()))
            .collect()
    };
    let (before, after) = (index(old), index(new));
    let names: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let width = names.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
    let row = |name: &str, change: String| format!("  {name:width$}  {change}");
    names
        .into_iter()
        .filter_map(|key| match (before.get(key), after.get(key)) {
            (Some(a), Some(b)) if a == b => None,
            (Some(a), Some(b)) => Some(row(&key.0, format!("{a} -> {b}"))),
            (Some(a), None) => Some(row(&key.0, format!("{a} removed"))),
            (None, Some(b)) => Some(row(&key.0, format!("{b} added"))),
            (None, None) => None,
        })
        .collect()
}
