//! The whole build, in order. Reads like a table of contents.

use std::path::{Path, PathBuf};

use kindling_base::{Event, Outcome, Reporter, Result, files};
use kindling_bundle::Manifest;
use kindling_fetch::FetchError;
use kindling_lint::Judged;

use crate::bundle::{self, Parts};
use crate::inputs::{self, Inputs};
use crate::lock::Locked;
use crate::plan::{Plan, plan};
use crate::recipe;
use crate::resolve::{self, Policy, Sources, resolve};
use crate::run::Run;

/// What to build and where to put it.
#[derive(Debug)]
pub struct Request<'a> {
    /// The recipe's file.
    pub recipe: &'a Path,
    /// Folder in which the bundle's folder appears.
    pub out: &'a Path,
    /// What may happen to the lock.
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
}

/// Builds the bundle of a recipe: everything that is not in the store already.
///
/// # Errors
/// The recipe is wrong, an input cannot be had, or a stage failed. An earlier bundle stays as it was.
pub fn build(request: &Request<'_>, reporter: &dyn Reporter) -> Result<Built> {
    let recipe = recipe::load(request.recipe)?;
    let inputs = inputs::read(&recipe, request.sources.project)?;
    let locked = resolve(recipe, request.policy.clone(), &request.sources, reporter)?;
    match build_locked(request, &locked, &inputs, reporter) {
        Err(FetchError::Gone { error, .. }) if request.policy == Policy::Keep => {
            reporter.report(Event::Warning(format!("{error}; resolving again")));
            let locked = resolve(locked.recipe, Policy::Refresh, &request.sources, reporter)?;
            Ok(build_locked(request, &locked, &inputs, reporter)?)
        }
        other => Ok(other?),
    }
}

/// What a build of a recipe would make, without making it.
///
/// # Errors
/// As [`build`], as far as that does not build.
pub fn planned(
    recipe: &Path,
    policy: Policy,
    sources: &Sources<'_>,
    reporter: &dyn Reporter,
) -> Result<(Locked, Plan)> {
    let recipe = recipe::load(recipe)?;
    let inputs = inputs::read(&recipe, sources.project)?;
    let locked = resolve(recipe, policy, sources, reporter)?;
    let plan = plan(&locked, &inputs);
    Ok((locked, plan))
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
    let recipe = recipe::load(recipe)?;
    let inputs = inputs::read(&recipe, sources.project)?;
    let locked = resolve(recipe, policy, sources, reporter)?;
    let mirrors = resolve::mirrors(&locked.recipe, sources)?;
    let plan = plan(&locked, &inputs);
    let run = Run::new(sources, &locked, &inputs, &plan, &mirrors, reporter);
    Ok(run.kernel_config()?)
}

/// What would fail when a recipe's image boots. Makes what is missing of kernel, initramfs and packages; no bundle.
///
/// # Errors
/// As [`build`]; findings are no error.
pub fn lint(
    recipe: &Path,
    policy: Policy,
    sources: &Sources<'_>,
    reporter: &dyn Reporter,
) -> Result<Judged> {
    let recipe = recipe::load(recipe)?;
    let inputs = inputs::read(&recipe, sources.project)?;
    let locked = resolve(recipe, policy, sources, reporter)?;
    let mirrors = resolve::mirrors(&locked.recipe, sources)?;
    let mirrors = mirrors.of_moment(&locked.lock.suites);
    let plan = plan(&locked, &inputs);
    let run = Run::new(sources, &locked, &inputs, &plan, &mirrors, reporter);
    let parts = Parts {
        rootfs: PathBuf::new(), // the tree is looked at, not the image of it
        initramfs: run.initramfs()?,
        kernel: run.kernel()?,
    };
    Ok(run.lint_report(&parts)?)
}

fn build_locked(
    request: &Request<'_>,
    locked: &Locked,
    inputs: &Inputs,
    reporter: &dyn Reporter,
) -> Result<Built, FetchError> {
    let store = request.sources.store;
    let plan = plan(locked, inputs);
    let folder = files::absolute(&request.out.join(&locked.recipe.name))?;
    if bundle::is_current(&folder, &plan, store) {
        plan.mark_used(store);
        let manifest = kindling_bundle::load(&folder)?;
        return Ok(Built {
            folder,
            manifest,
            plan,
            outcome: Outcome::Cached,
        });
    }
    let mirrors = resolve::mirrors(&locked.recipe, &request.sources)?;
    let mirrors = mirrors.of_moment(&locked.lock.suites);
    let run = Run::new(&request.sources, locked, inputs, &plan, &mirrors, reporter);
    let parts = Parts {
        rootfs: run.rootfs()?,
        initramfs: run.initramfs()?,
        kernel: run.kernel()?,
    };
    run.lint(&parts)?;
    let manifest = run.bundle(&folder, &parts)?;
    Ok(Built {
        folder,
        manifest,
        plan,
        outcome: Outcome::Built,
    })
}
