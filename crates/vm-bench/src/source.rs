//! The saved machine that a benchmark resumes or clones, and the boot that it is compared with.

use kindling_base::{Error, Result};
use kindling_launcher::network::Network;
use kindling_launcher::{Keep, Snapshots, Spec, find_bundle, remove, take_snapshot};

use super::job::Job;
use super::session::Bench;
use super::{Saved, measure, short};

/// The jobs of a benchmark of a saved machine.
#[derive(Debug)]
pub(super) struct Source {
    /// The boot that the resume is compared with.
    pub(super) boot: Option<Job>,
    /// The resume.
    pub(super) resume: Job,
}

/// Finds the VM that runs, the snapshot or the bundle that `saved` names. A VM and a bundle are saved for the benchmark.
///
/// # Errors
/// Nothing has that name, or it cannot be saved.
pub(super) async fn find(bench: &Bench<'_>, saved: &Saved) -> Result<Source> {
    let state = bench.session.state;
    let name = &saved.name;
    let boots = |spec: &Spec| {
        let boot = saved.against_boot.then(|| boot_like(bench, spec));
        boot.transpose()
    };
    if let Ok(vm) = state.find(name)
        && vm.status.state.is_live()
    {
        let snapshot = take_snapshot(state, name, Keep::As(Some(&bench.name()))).await?;
        return Ok(Source {
            boot: boots(&vm.spec)?,
            resume: Job::resume(&snapshot),
        });
    }
    let unknown = match Snapshots::open(state)?.find(name) {
        Ok(snapshot) => {
            return Ok(Source {
                boot: boots(&snapshot.manifest.spec)?,
                resume: Job::resume(&snapshot),
            });
        }
        Err(unknown) => unknown,
    };
    let here = std::env::current_dir().unwrap_or_default();
    if find_bundle(name, bench.options.out.as_deref(), &here).is_err() {
        let hint = unknown
            .advice()
            .unwrap_or("`kindling snapshots` lists snapshots")
            .to_owned();
        return Err(Error::user(format!(
            "`{name}` is neither a VM that runs nor a snapshot nor a bundle"
        ))
        .hint(hint));
    }
    let label = format!("cold boot of {}", short(name));
    let boot = Job::boot(bench, label, name, &[])?;
    bench.note(format!("booting {} to save it", short(name)));
    let started = measure::start(bench, &boot).await?;
    let vm = started.only()?;
    let snapshot = take_snapshot(state, vm, Keep::As(Some(&bench.name()))).await?;
    remove(state, vm, true).await?;
    Ok(Source {
        boot: Some(boot),
        resume: Job::resume(&snapshot),
    })
}

/// A boot of the bundle that a saved VM was made from, with its machine.
fn boot_like(bench: &Bench<'_>, spec: &Spec) -> Result<Job> {
    let (vcpus, memory) = (spec.vcpus.to_string(), spec.memory_mib.to_string());
    let network = match &spec.network {
        None => "none",
        Some(Network::User(_)) => "user",
        Some(Network::Tap { .. }) => "tap",
    };
    let words = [
        ["--vcpus", &vcpus],
        ["--memory-mib", &memory],
        ["--network", network],
        ["--vmm", spec.vmm.name()],
    ];
    let words: Vec<String> = words.concat().iter().map(|&word| word.to_owned()).collect();
    let label = format!("cold boot of {}", spec.bundle.name);
    Job::boot(bench, label, &spec.bundle.folder.to_string_lossy(), &words)
}
