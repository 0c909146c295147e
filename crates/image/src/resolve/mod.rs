//! Locks a recipe: reads the lock beside it, or asks the archives and writes one.

mod kernel;
mod policy;
mod sources;
mod start;

use std::path::Path;

use kindling_base::{Error, Event, Reporter, Result};
use kindling_deb::LockedPackage;
use kindling_debian::{Archive, Request, fetch_index};
use kindling_fetch::Client;
use kindling_recipe::{KernelSource, Located, Recipe, VendorArchive};

use crate::layers;
use crate::lock::{self, Lock, Locked, PinnedKernel};
use crate::npm;

use start::Start;

pub use policy::Policy;
pub use sources::{Sources, mirrors};

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
        (Policy::Frozen, old) => Err(frozen(&path, old.is_some(), "recipe", "cargo xtask lock")),
        (policy, old) => {
            let start = Start::of(&recipe, &policy, old.as_ref(), reporter)?;
            let mut lock = ask_archives(&recipe, &start, sources, reporter)?;
            if !start.layers.is_empty() {
                layers::assign(&mut lock.packages, &start.layers);
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

fn ask_archives(
    recipe: &Recipe,
    start: &Start,
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
    let mut departed = start.add_departed(&mut index, sources.store)?;
    let request = Request {
        packages: values(&recipe.rootfs.packages),
        recommends: recipe.rootfs.recommends,
    };
    let mut packages = start
        .solve(&mut index, &request)
        .map_err(|error| recipe.locate(error, recipe.rootfs.packages.iter()))?;
    if let KernelSource::Image(name) = &recipe.kernel.source {
        packages = kernel::with_kernel(&mut index, request, &packages, name)
            .map_err(|error| recipe.locate(error, std::iter::once(name)))?;
    }
    let kernel = kernel::pin(recipe, &index, &packages, start)?;
    let npm = npm::resolve(recipe, &packages, &start.npm, &mirrors, sources, reporter)?;
    let releases = std::mem::take(&mut index.releases);
    let mut lock = lock::new(recipe, kernel, releases, packages, npm);
    if let PinnedKernel::Package { package } = &lock.kernel
        && !index.has(package)
    {
        departed.push(package.clone());
    }
    let moments = start.moments(&lock, &departed);
    lock.suites.extend(moments);
    Ok(lock)
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

pub(crate) fn values(list: &[Located<String>]) -> Vec<String> {
    list.iter().map(|item| item.value.clone()).collect()
}

/// The error for a lock that may not be written; `of` is what it locks, `command` would write it.
pub(crate) fn frozen(path: &Path, exists: bool, of: &str, command: &str) -> Error {
    let state = match exists {
        true => format!("does not fit its {of} any more"),
        false => "does not exist".to_owned(),
    };
    Error::user(format!(
        "{} {state}, and `--locked` forbids to write it",
        path.display()
    ))
    .hint(format!(
        "run `{command}` and commit the result, or build without `--locked`"
    ))
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
