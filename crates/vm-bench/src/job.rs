//! The jobs of a benchmark: the one command that each round runs.

use kindling_base::Result;
use kindling_bench::{Action, Artifact};
use kindling_launcher::Snapshot;
use kindling_launcher::network::Network;

use super::artifacts::saved_artifacts;
use super::session::Bench;

/// One command that is run and measured.
#[derive(Clone, Debug)]
pub(super) struct Job {
    /// Its name in tables.
    pub(super) label: String,
    /// Whether it boots, resumes or clones.
    pub(super) action: Action,
    /// A bundle or a snapshot.
    pub(super) target: String,
    /// Options of `kindling run`, if it boots.
    pub(super) run: Vec<String>,
    /// VMs that it starts.
    pub(super) count: u32,
    /// The files that it starts from; empty for a bundle, whose manifest lists them.
    pub(super) artifacts: Vec<Artifact>,
    /// Whether its VMs have addresses of their own, so that no port has to be published.
    pub(super) addressed: bool,
}

impl Job {
    /// A boot of `bundle`. Its `own` options of `kindling run` replace those of the same name that all boots have.
    ///
    /// # Errors
    /// `kindling run` has no such options.
    pub(super) fn boot(
        bench: &Bench<'_>,
        label: String,
        bundle: &str,
        own: &[String],
    ) -> Result<Self> {
        let all = &bench.options.run;
        let run = match own {
            [] => all.clone(),
            own => (bench.session.read_options)(&[&all.words[..], own].concat())?,
        };
        Ok(Self {
            label,
            action: Action::Boot,
            target: bundle.to_owned(),
            run: run.words,
            count: 1,
            artifacts: Vec::new(),
            addressed: run.addressed,
        })
    }

    /// A resume of one VM.
    pub(super) fn resume(snapshot: &Snapshot) -> Self {
        let spec = &snapshot.manifest.spec;
        Self {
            label: format!("resume of {}", spec.bundle.name),
            action: Action::Resume,
            target: snapshot.name.clone(),
            run: Vec::new(),
            count: 1,
            artifacts: saved_artifacts(&snapshot.manifest),
            addressed: matches!(spec.network, Some(Network::Tap { .. })),
        }
    }

    /// The same job with `count` VMs at once.
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
                arguments.extend(self.run.iter().cloned());
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

    /// The names of its VMs, if the command is given this one.
    pub(super) fn names(&self, name: &str) -> Vec<String> {
        match self.count {
            1 => vec![name.to_owned()],
            count => (1..=count)
                .map(|number| format!("{name}-{number}"))
                .collect(),
        }
    }

    /// Whether a port of its VM has to be published to be reached.
    pub(super) fn publishes(&self, bench: &Bench<'_>) -> bool {
        bench.options.until.is_some() && !self.addressed
    }
}
