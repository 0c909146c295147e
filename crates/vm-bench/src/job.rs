//! What is done in each round: one command, and what it starts from.

use kindling_base::{Error, Result};
use kindling_bench::{Action, Artifact};

use super::session::Bench;
use super::{Saved, measure, short, subject};
use kindling_launcher::network::Network;
use kindling_launcher::{Keep, Snapshot, Snapshots, Spec, Vmm, find_bundle, remove, take_snapshot};

/// One command that is run and measured.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// What it is called in tables.
    pub(super) label: String,
    pub(super) action: Action,
    /// A bundle or a snapshot.
    pub(super) target: String,
    /// More options of `kindling run`, for this job only.
    pub(super) run: Vec<String>,
    /// VMs that it starts.
    pub(super) count: u32,
    /// What it starts from, where that is no bundle.
    pub(super) artifacts: Vec<Artifact>,
    /// Whether its VMs are reached by an address of their own: their ports need not be published.
    pub(super) addressed: bool,
}

/// The options of `kindling run` that may be given more than once.
const REPEATABLE: [&str; 3] = ["--publish", "-p", "--append"];

/// Options of which a later one replaces an earlier one of the same name: a side's own those of all. What they add to the
/// kernel's command line is put together.
pub(super) fn merged<'a>(words: impl Iterator<Item = &'a String>) -> Vec<String> {
    let mut options: Vec<(String, Option<String>)> = Vec::new();
    let mut words = words.peekable();
    while let Some(word) = words.next() {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) if name.starts_with("--") => {
                (name.to_owned(), Some(value.to_owned()))
            }
            _ => {
                // `--append` takes whatever follows it, as clap is told to.
                let value = words.next_if(|next| word == "--append" || !next.starts_with('-'));
                (word.clone(), value.cloned())
            }
        };
        let repeatable = REPEATABLE.contains(&name.as_str());
        let earlier = options.iter_mut().find(|(earlier, _)| *earlier == name);
        match (earlier, value) {
            (Some((_, Some(earlier))), Some(value)) if name == "--append" => {
                *earlier = format!("{earlier} {value}");
            }
            (Some((_, earlier)), value) if !repeatable => *earlier = value,
            (_, value) => options.push((name, value)),
        }
    }
    let each = options
        .into_iter()
        .flat_map(|(name, value)| [Some(name), value]);
    each.flatten().collect()
}

/// What a benchmark of something saved does.
#[derive(Debug)]
pub(super) struct Source {
    /// The boot that it is held against.
    pub(super) boot: Option<Job>,
    pub(super) resume: Job,
}

impl Job {
    pub(super) fn boot(label: String, bundle: &str) -> Self {
        Self {
            label,
            action: Action::Boot,
            target: bundle.to_owned(),
            run: Vec::new(),
            count: 1,
            artifacts: Vec::new(),
            addressed: false,
        }
    }

    fn resume(snapshot: &Snapshot) -> Self {
        let spec = &snapshot.manifest.spec;
        Self {
            label: format!("resume of {}", spec.bundle.name),
            action: Action::Resume,
            target: snapshot.name.clone(),
            run: Vec::new(),
            count: 1,
            artifacts: subject::saved_artifacts(&snapshot.manifest),
            addressed: matches!(spec.network, Some(Network::Tap { .. })),
        }
    }

    /// The same with so many VMs at once.
    pub(super) fn clones(self, count: u32) -> Self {
        Self {
            label: self
                .label
                .replace("resume of", &format!("{count} clones of")),
            action: Action::Clone,
            count,
            ..self
        }
    }

    /// The arguments of our binary, for VMs called `name`; with the host's port at which the guest's is published.
    pub(super) fn arguments(
        &self,
        bench: &Bench<'_>,
        name: &str,
        port: Option<u16>,
    ) -> Vec<String> {
        let words = |words: &[&str]| {
            words
                .iter()
                .map(|&word| word.to_owned())
                .collect::<Vec<_>>()
        };
        let options = bench.options;
        let mut arguments = match self.action {
            Action::Boot => {
                let timeout = options.timeout_s.to_string();
                let mut arguments = words(&["run", &self.target, "--detach", "--name", name]);
                arguments.extend(words(&["--timeout", &timeout, "--boot-timer"]));
                if let Some(out) = &options.out {
                    arguments.extend(words(&["--out", &out.to_string_lossy()]));
                }
                arguments.extend(merged(options.run.iter().chain(&self.run)));
                arguments
            }
            Action::Resume | Action::Clone => {
                let count = self.count.to_string();
                words(&["resume", &self.target, "--name", name, "--count", &count])
            }
        };
        if let (Some(port), Some(until)) = (port, &options.until) {
            let publish = format!("{port}:{}", until.port);
            arguments.extend(words(&["--publish", &publish]));
        }
        arguments
    }

    /// The names of its VMs, where it was given this one.
    pub(super) fn names(&self, name: &str) -> Vec<String> {
        match self.count {
            1 => vec![name.to_owned()],
            count => (1..=count)
                .map(|number| format!("{name}-{number}"))
                .collect(),
        }
    }

    /// Whether a port of its VM has to be published to be asked.
    pub(super) fn publishes(&self, bench: &Bench<'_>) -> bool {
        let words = merged(bench.options.run.iter().chain(&self.run));
        let asks = |option: &str, value: &str| {
            words
                .windows(2)
                .any(|pair| pair[0] == option && pair[1] == value)
        };
        let addressed = match self.action {
            Action::Boot => asks("--network", "tap") || asks("--vmm", "firecracker"),
            Action::Resume | Action::Clone => self.addressed,
        };
        bench.options.until.is_some() && !addressed
    }
}

/// Finds what `saved` names: a VM that runs, a snapshot, or a bundle. A VM and a bundle are saved for it.
pub(super) async fn source(bench: &Bench<'_>, saved: &Saved) -> Result<Source> {
    let state = bench.session.state;
    let name = &saved.name;
    let boots = |spec: &Spec| saved.against_boot.then(|| boot_like(spec));
    if let Ok(vm) = state.find(name)
        && vm.status.state.is_live()
    {
        let snapshot = take_snapshot(state, name, Keep::As(Some(&bench.name()))).await?;
        return Ok(Source {
            boot: boots(&vm.spec),
            resume: Job::resume(&snapshot),
        });
    }
    let unknown = match Snapshots::open(state)?.find(name) {
        Ok(snapshot) => {
            return Ok(Source {
                boot: boots(&snapshot.manifest.spec),
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
    let boot = Job::boot(format!("cold boot of {}", short(name)), name);
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
fn boot_like(spec: &Spec) -> Job {
    let (vcpus, memory) = (spec.vcpus.to_string(), spec.memory_mib.to_string());
    let bundle = spec.bundle.folder.to_string_lossy();
    let mut job = Job::boot(format!("cold boot of {}", spec.bundle.name), &bundle);
    let network = match &spec.network {
        None => "none",
        Some(Network::User(_)) => "user",
        Some(Network::Tap { .. }) => "tap",
    };
    let vmm = match spec.vmm {
        Vmm::Qemu => "qemu",
        Vmm::Firecracker => "firecracker",
    };
    let words = [
        ["--vcpus", &vcpus],
        ["--memory-mib", &memory],
        ["--network", network],
        ["--vmm", vmm],
    ];
    job.run = words.concat().iter().map(|&word| word.to_owned()).collect();
    job
}
