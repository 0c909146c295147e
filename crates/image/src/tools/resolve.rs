//! Locks a list of tools: reads the lock beside it, or asks the archive and writes one.

use std::collections::BTreeMap;

use kindling_base::{Event, Reporter, Result};
use kindling_debian::{Archive, Mirrors, Request, fetch_index, solve};
use kindling_fetch::Client;
use kindling_recipe::tools;

use super::LockedTools;
use super::lock::{self, ToolsLock};
use crate::resolve::{Policy, Sources, frozen, values};

/// Locks the list `tools/NAME.toml` of the project. A changed lock is written beside it.
///
/// # Errors
/// The list is wrong; the lock is missing or stale under [`Policy::Frozen`]; the archive cannot be reached or trusted; a
/// package does not exist or its dependencies cannot be met.
pub fn resolve(
    name: &str,
    policy: &Policy,
    sources: &Sources<'_>,
    reporter: &dyn Reporter,
) -> Result<LockedTools> {
    let spec = tools::load(&sources.project.tools().join(format!("{name}.toml")))?;
    let path = crate::lock::path(&spec.path);
    let old = ToolsLock::read(&path)?;
    let fits = old
        .as_ref()
        .is_some_and(|old| old.request == lock::request(&spec));
    match (policy, old) {
        (Policy::Frozen | Policy::Keep, Some(lock)) if fits => Ok(LockedTools::new(spec, lock)),
        (Policy::Frozen, old) => {
            let command = "cargo xtask lock --tools";
            Err(frozen(&path, old.is_some(), "list", command))
        }
        (policy, old) => {
            let asked = ask_archive(&spec, policy, old.as_ref(), sources, reporter);
            let lock = asked.map_err(|error| spec.locate(error))?;
            if let Some(same) =
                old.filter(|old| old.request == lock.request && old.packages == lock.packages)
            {
                return Ok(LockedTools::new(spec, same));
            }
            lock.write(&path)?;
            let count = lock.packages.len();
            reporter.report(Event::Note(format!(
                "wrote {}: {count} packages",
                path.display()
            )));
            Ok(LockedTools::new(spec, lock))
        }
    }
}

fn ask_archive(
    spec: &tools::ToolsSpec,
    policy: &Policy,
    old: Option<&ToolsLock>,
    sources: &Sources<'_>,
    reporter: &dyn Reporter,
) -> Result<ToolsLock> {
    let keyring = crate::keyring::find(&sources.project.keyrings(), &spec.keyring.value);
    let archive = Archive {
        distribution: spec.distribution.value.clone(),
        vendor: false,
        suites: values(&spec.suites),
        components: values(&spec.components),
        architecture: "amd64".to_owned(),
        keyring: keyring.map_err(|error| spec.keyring.locate(error))?,
        keys: Vec::new(),
        allow_expired: sources.allow_expired,
        now: sources.now,
    };
    let mirrors = Mirrors::of_this_machine(sources.mirrors, &BTreeMap::new())?;
    let mut index = fetch_index(
        &Client::default(),
        &[archive],
        &mirrors,
        sources.store,
        reporter,
    )?;
    let request = Request {
        packages: values(&spec.packages),
        recommends: false,
    };
    let pins = old.filter(|_| *policy != Policy::Update);
    if let Some(old) = pins {
        index.prefer(&old.packages);
    }
    let solved = solve(&index, &request);
    let packages = match solved {
        Err(_) if pins.is_some() => {
            index.prefer_nothing();
            solve(&index, &request)?
        }
        solved => solved?,
    };
    Ok(ToolsLock::new(
        spec,
        std::mem::take(&mut index.releases),
        packages,
    ))
}
