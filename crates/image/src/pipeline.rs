//! The whole build, in order. Reads like a table of contents.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kindling_base::{Event, Outcome, Reporter, Result, files};
use kindling_bundle::Manifest;
use kindling_fetch::FetchError;
use kindling_lint::Judged;
use kindling_sandbox::BuildRoot;

use crate::build::Build;
use crate::plan::Plan;
use crate::prepared::Prepared;
use crate::resolve::{Policy, Sources};

/// The recipe to build and the place for its bundle.
#[derive(Debug)]
pub struct Request<'a> {
    /// The recipe's file.
    pub recipe: &'a Path,
    /// Folder in which the bundle's folder appears.
    pub out: &'a Path,
    /// Permitted changes of the lock.
    pub policy: Policy,
    /// Checkout, store, mirrors and signature rules.
    pub sources: Sources<'a>,
}

/// A finished build.
#[derive(Debug)]
pub struct Built {
    /// The bundle's folder.
    pub folder: PathBuf,
    /// Its contents page.
    pub manifest: Manifest,
    /// Keys of its stages, under which the store may still have their results.
    pub plan: Plan,
    /// Whether anything had to be done.
    pub outcome: Outcome,
    /// The stages that the build waited for from its start to its end, each with the time that it took. Whatever else was
    /// made beside them cost no time.
    pub critical_path: Vec<(&'static str, Duration)>,
}

/// Builds the bundle of a recipe: everything that is not in the store already.
///
/// # Errors
/// The recipe is wrong, an input cannot be had, or a stage failed. An earlier bundle stays as it was.
pub fn build(request: &Request<'_>, reporter: &dyn Reporter) -> Result<Built> {
    let sources = &request.sources;
    let prepared = Prepared::new(request.recipe, request.policy.clone(), sources, reporter)?;
    match build_prepared(request, &prepared, reporter) {
        Err(FetchError::Gone { error, .. }) if request.policy == Policy::Keep => {
            reporter.report(Event::Warning(format!("{error}; resolving again")));
            let prepared = prepared.resolved_again(sources, reporter)?;
            Ok(build_prepared(request, &prepared, reporter)?)
        }
        other => Ok(other?),
    }
}

fn build_prepared(
    request: &Request<'_>,
    prepared: &Prepared,
    reporter: &dyn Reporter,
) -> Result<Built, FetchError> {
    let (store, plan) = (request.sources.store, &prepared.plan);
    let folder = files::absolute(&request.out.join(&prepared.locked.recipe.name))?;
    if kindling_publish::is_current(&folder, &plan.bundle.key, store) {
        plan.mark_used(store);
        return Ok(Built {
            manifest: kindling_bundle::load(&folder)?,
            folder,
            plan: plan.clone(),
            outcome: Outcome::Cached,
            critical_path: Vec::new(),
        });
    }
    let build = Build::new(prepared, &request.sources, reporter)?;
    let parts = build.parts()?;
    build.lint(&parts)?;
    let manifest = build.publish(&folder, &parts)?;
    Ok(Built {
        folder,
        manifest,
        plan: plan.clone(),
        outcome: Outcome::Built,
        critical_path: build.critical_path(),
    })
}

/// The kernel configuration of a recipe, every line of its fragments asserted.
///
/// # Errors
/// As [`build`]; nothing is compiled.
pub fn kernel_config(
    recipe: &Path,
    policy: Policy,
    sources: &Sources<'_>,
    reporter: &dyn Reporter,
) -> Result<String> {
    let prepared = Prepared::new(recipe, policy, sources, reporter)?;
    Ok(Build::new(&prepared, sources, reporter)?.kernel_config()?)
}

/// The locked tools that compile C, unpacked, for what is compiled beside an image; also where the recipe compiles nothing.
///
/// # Errors
/// As [`build`].
pub fn c_tools(
    prepared: &Prepared,
    sources: &Sources<'_>,
    reporter: &dyn Reporter,
) -> Result<BuildRoot> {
    Ok(Build::new(prepared, sources, reporter)?.c_tools()?)
}

/// Lists what would fail when a recipe's image boots. Makes kernel, initramfs and packages where they are missing, but
/// neither an image nor a bundle.
///
/// # Errors
/// As [`build`]; findings are in the answer.
pub fn lint(
    recipe: &Path,
    policy: Policy,
    sources: &Sources<'_>,
    reporter: &dyn Reporter,
) -> Result<Judged> {
    let prepared = Prepared::new(recipe, policy, sources, reporter)?;
    Ok(Build::new(&prepared, sources, reporter)?.findings()?)
}
