//! What was measured, for the report.

use std::collections::BTreeMap;

use kindling_base::Result;
use kindling_bench::{Artifact, EngineUsed, Profile, Subject};

use super::guest;
use super::job::Job;
use super::measure;
use super::session::Bench;
use kindling_launcher::{Engine, SnapshotManifest, Vm, remove};

/// Describes a job by a VM that it has started.
pub(super) fn describe(bench: &Bench<'_>, job: &Job, vm: &Vm) -> Result<Subject> {
    let spec = &vm.spec;
    let mut artifacts = job.artifacts.clone();
    if artifacts.is_empty() {
        let manifest = kindling_bundle::load(&spec.bundle.folder)?;
        artifacts.push(Artifact {
            name: "bundle key".to_owned(),
            sha256: manifest.key.clone(),
            size: None,
        });
        let kernel = Some(("kernel", &manifest.kernel.artifact));
        let initramfs = manifest.initramfs.as_ref().map(|file| ("initramfs", file));
        let rootfs = Some(("root file system", &manifest.rootfs.artifact));
        for (name, file) in [kernel, initramfs, rootfs].into_iter().flatten() {
            artifacts.push(Artifact {
                name: name.to_owned(),
                sha256: file.sha256.clone(),
                size: Some(file.size),
            });
        }
    }
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

/// The files of a snapshot.
pub(super) fn saved_artifacts(manifest: &SnapshotManifest) -> Vec<Artifact> {
    let files = manifest.files.iter().map(|saved| Artifact {
        name: format!("snapshot's {}", saved.file.display()),
        sha256: saved.sha256.clone(),
        size: Some(saved.size),
    });
    let key = Artifact {
        name: "bundle key".to_owned(),
        sha256: manifest.spec.bundle.key.clone(),
        size: None,
    };
    [key].into_iter().chain(files).collect()
}

/// Boots once more with `initcall_debug` and adds the kernel's own steps to the subject's profile.
pub(super) async fn add_initcalls(
    bench: &Bench<'_>,
    job: &Job,
    subject: &mut Subject,
) -> Result<()> {
    let state = bench.session.state;
    let mut profiled = job.clone();
    // The log has to hold two lines for each of some thousand steps.
    let debug = ["--append", "initcall_debug log_buf_len=2M"];
    profiled.run.extend(debug.map(str::to_owned));
    bench.note("one more boot, to see the kernel's own steps".to_owned());
    let started = measure::start(bench, &profiled).await?;
    let name = started.only()?;
    if !state.find(name)?.spec.agent {
        bench.warn("the image has no agent to read the kernel's log with".to_owned());
    } else {
        let log = guest::kernel_log(state, name).await?;
        let profile = subject.profile.get_or_insert_with(Profile::default);
        guest::add_initcalls(profile, &log);
    }
    remove(state, name, true).await
}
