//! From a recipe to a locked recipe: read the lock beside it, or ask the archives and write one.

mod kernel;

use std::path::Path;
use std::time::SystemTime;

use kindling_base::{Error, Event, Reporter, Result, did_you_mean};
use kindling_deb::LockedPackage;
use kindling_debian::{Archive, Mirrors, Request, fetch_index, solve};
use kindling_fetch::Client;
use kindling_npm_tree::LockedNpm;
use kindling_store::Store;

use crate::layers;
use crate::lock::{self, Lock, Locked};
use crate::npm;
use crate::project::Project;
use kindling_recipe::{KernelSource, Located, Recipe, VendorArchive};

/// What may happen to the lock file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Policy {
    /// A missing or stale lock is an error.
    Frozen,
    /// A fitting lock is used as it is. A missing or stale one is written: what it pins stays where that is possible.
    Keep,
    /// The archives are asked again: what they still have stays pinned.
    Refresh,
    /// As [`Policy::Refresh`], but these packages move to their newest versions, and others as far as that needs it.
    UpdateOnly(Vec<String>),
    /// The archives are asked again as if there were no lock.
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
        (policy, old) => {
            let pins = pins(policy.clone(), old.as_ref())?;
            let mut lock = ask_archives(&recipe, &pins, sources, reporter)?;
            if let Some(old) = old.as_ref().filter(|_| policy != Policy::Update) {
                layers::assign(&mut lock.packages, &old.packages);
            }
            report_changes(&path, old.as_ref(), &lock, reporter);
            if let Some(same) = old.filter(|old| old.pins_the_same(&lock) && !old.suites.is_empty())
            {
                return Ok(Locked { recipe, lock: same });
            }
            lock::write(&path, &lock)?;
            Ok(Locked { recipe, lock })
        }
    }
}

/// What of an old lock is to stay.
#[derive(Default)]
struct Pins {
    debs: Vec<LockedPackage>,
    npm: Vec<LockedNpm>,
}

fn pins(policy: Policy, old: Option<&Lock>) -> Result<Pins> {
    let mut pinned = Pins {
        debs: old.into_iter().flat_map(Lock::debs).cloned().collect(),
        npm: old.map(|old| old.npm.clone()).unwrap_or_default(),
    };
    match policy {
        Policy::Update => Ok(Pins::default()),
        Policy::UpdateOnly(names) => {
            for name in &names {
                let debs = pinned.debs.iter().map(|package| package.name.as_str());
                let mut all = debs.chain(pinned.npm.iter().map(|package| package.name.as_str()));
                if !all.any(|pinned| pinned == name) {
                    return Err(not_pinned(name, &pinned));
                }
            }
            pinned.debs.retain(|package| !names.contains(&package.name));
            pinned.npm.retain(|package| !names.contains(&package.name));
            Ok(pinned)
        }
        Policy::Frozen | Policy::Keep | Policy::Refresh => Ok(pinned),
    }
}

fn not_pinned(name: &str, pinned: &Pins) -> Error {
    let error = Error::user(format!("the lock has no package `{name}`"));
    let debs = pinned.debs.iter().map(|package| package.name.as_str());
    let npm = pinned.npm.iter().map(|package| package.name.as_str());
    error.hint(did_you_mean(name, debs.chain(npm)).unwrap_or_else(|| {
        "name a package of the lock, or leave the name out to update all".to_owned()
    }))
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

fn ask_archives(
    recipe: &Recipe,
    pins: &Pins,
    sources: &Sources<'_>,
    reporter: &dyn Reporter,
) -> Result<Lock> {
    let archives = archives(recipe, sources)?;
    let mirrors = mirrors(recipe, sources)?;
    let mut index = fetch_index(
        &Client::default(),
        &archives,
        &mirrors,
        sources.store,
        reporter,
    )
    .map_err(|error| recipe.locate(error, suites_and_components(recipe)))?;
    index.prefer(&pins.debs);
    let request = Request {
        packages: values(&recipe.rootfs.packages),
        recommends: recipe.rootfs.recommends,
    };
    let mut packages = solve(&index, &request)
        .map_err(|error| recipe.locate(error, recipe.rootfs.packages.iter()))?;
    if let KernelSource::Image(name) = &recipe.kernel.source {
        packages = kernel::with_kernel(&mut index, request, &packages, name)
            .map_err(|error| recipe.locate(error, std::iter::once(name)))?;
    }
    let kernel = kernel::pin(recipe, &index, &packages)?;
    let npm = npm::resolve(recipe, &packages, &pins.npm, &mirrors, sources, reporter)?;
    Ok(lock::new(recipe, kernel, index.releases, packages, npm))
}

/// The distribution's archive, then those of vendors. Each trusts its own keys only.
fn archives(recipe: &Recipe, sources: &Sources<'_>) -> Result<Vec<Archive>> {
    let archive =
        |name: &str, vendor, suites, components, keyring: &Located<String>, keys: &[String]| {
            let folder = sources.project.keyrings();
            Ok(Archive {
                distribution: name.to_owned(),
                vendor,
                suites: values(suites),
                components: values(components),
                architecture: recipe.image.architecture.clone(),
                keyring: crate::keyring::find(&folder, &keyring.value)
                    .map_err(|error| keyring.locate(error))?,
                keys: keys.to_vec(),
                allow_expired: sources.allow_expired,
                now: sources.now,
            })
        };
    let rootfs = &recipe.rootfs;
    let own = archive(
        &recipe.image.distribution.value,
        false,
        &rootfs.suites,
        &rootfs.components,
        &rootfs.keyring,
        &rootfs.keys,
    );
    let vendors = rootfs.archives.iter().map(|vendor| {
        let VendorArchive {
            name,
            suites,
            components,
            keyring,
            keys,
        } = &vendor.value;
        archive(name, true, suites, components, keyring, keys)
    });
    std::iter::once(own).chain(vendors).collect()
}

fn suites_and_components(recipe: &Recipe) -> impl Iterator<Item = &Located<String>> {
    let rootfs = &recipe.rootfs;
    let vendors = rootfs.archives.iter().map(|vendor| &vendor.value);
    let vendors = vendors.flat_map(|vendor| vendor.suites.iter().chain(&vendor.components));
    rootfs
        .suites
        .iter()
        .chain(&rootfs.components)
        .chain(vendors)
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
    for suite in &new.suites {
        let before = old.suites.iter().find(|other| other.name == suite.name);
        if let Some(before) = before.filter(|before| before.signed_by != suite.signed_by) {
            reporter.report(Event::Warning(format!(
                "{} is signed by another key of the keyring: {}, before {}",
                suite.name, suite.signed_by, before.signed_by
            )));
        }
    }
    let rows = changes(old, new);
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

/// The differences of two locks, one line a package: `  name  old -> new`. Packages of npm come last.
fn changes(old: &Lock, new: &Lock) -> Vec<String> {
    let index = |lock: &Lock| -> std::collections::BTreeMap<_, _> {
        let debs = lock.packages.iter().map(|package| {
            let LockedPackage {
                name, architecture, ..
            } = package;
            (
                (false, name.clone(), architecture.clone()),
                package.version.clone(),
            )
        });
        let npm = lock.npm.iter().map(|package| {
            let name = format!("npm {}", package.shown());
            ((true, name, String::new()), package.version.clone())
        });
        debs.chain(npm).collect()
    };
    let (before, after) = (index(old), index(new));
    let names: std::collections::BTreeSet<_> = before.keys().chain(after.keys()).collect();
    let width = names
        .iter()
        .map(|(_, name, _)| name.len())
        .max()
        .unwrap_or(0);
    let row = |name: &str, change: String| format!("  {name:width$}  {change}");
    names
        .into_iter()
        .filter_map(|key| match (before.get(key), after.get(key)) {
            (Some(a), Some(b)) if a == b => None,
            (Some(a), Some(b)) => Some(row(&key.1, format!("{a} -> {b}"))),
            (Some(a), None) => Some(row(&key.1, format!("{a} removed"))),
            (None, Some(b)) => Some(row(&key.1, format!("{b} added"))),
            (None, None) => None,
        })
        .collect()
}
