//! The subjects of a report: what was measured.

use std::collections::BTreeMap;

use kindling_base::Result;
use kindling_bench::{EngineUsed, Subject};
use kindling_launcher::{Engine, Vm};

use super::artifacts::bundle_artifacts;
use super::job::Job;
use super::session::Bench;

/// Describes a job by a VM that it has started.
pub(super) fn describe(bench: &Bench<'_>, job: &Job, vm: &Vm) -> Result<Subject> {
    let spec = &vm.spec;
    let artifacts = match job.artifacts.as_slice() {
        [] => bundle_artifacts(&spec.bundle.folder)?,
        saved => saved.to_vec(),
    };
    Ok(Subject {
        label: job.label.clone(),
        action: job.action,
        engine: EngineUsed {
            name: spec.vmm.title().to_owned(),
            version: Engine::of(spec, None)?.version,
            accelerator: spec.accelerator.name().to_owned(),
        },
        vcpus: spec.vcpus,
        memory_mib: spec.memory_mib,
        artifacts,
        until: bench.options.until.as_ref().map(ToString::to_string),
        runs: Vec::new(),
        summary: BTreeMap::new(),
        profile: None,
    })
}
