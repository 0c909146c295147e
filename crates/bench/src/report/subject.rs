//! A subject of a benchmark: an action on an image, with all its runs.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::run::Run;
use crate::guest::{Initcall, Unit};
use crate::milestone::{Milestone, Points};
use crate::stats::{Summary, summarise};

/// The action that is measured in every run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// A cold boot: `kindling run --detach`.
    Boot,
    /// `kindling resume`.
    Resume,
    /// `kindling resume --count N`.
    Clone,
}

impl Action {
    /// A noun.
    pub fn noun(self) -> &'static str {
        match self {
            Self::Boot => "cold boot",
            Self::Resume => "resume",
            Self::Clone => "clone",
        }
    }
}

/// One thing that was measured again and again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// Its name in tables.
    pub label: String,
    /// The action of every run.
    pub action: Action,
    /// The monitor.
    pub engine: EngineUsed,
    /// Virtual processors.
    pub vcpus: u32,
    /// The guest's memory in MiB.
    pub memory_mib: u32,
    /// The files that it was made from.
    pub artifacts: Vec<Artifact>,
    /// The guest's port and path that had to answer.
    pub until: Option<String>,
    /// Every run, in the order in which they ran.
    pub runs: Vec<Run>,
    /// Figures of each milestone in milliseconds, of all runs.
    pub summary: BTreeMap<Milestone, Summary>,
    /// The guest's account of its own boot.
    pub profile: Option<Profile>,
}

/// A monitor by name, version and accelerator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EngineUsed {
    /// `QEMU` or `Firecracker`.
    pub name: String,
    /// Its version, as it says it.
    pub version: String,
    /// `kvm` or `tcg`.
    pub accelerator: String,
}

/// A file by its contents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Artifact {
    /// Its role: `kernel`, `bundle`.
    pub name: String,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// Bytes, where it is one file.
    pub size: Option<u64>,
}

/// A guest's account of its own boot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// The service manager's units, each with its times in milliseconds of the guest's clock.
    pub units: Vec<Unit>,
    /// The start of PID 1, on the guest's clock.
    pub init_ms: f64,
    /// The output of `systemd-analyze critical-chain`.
    pub critical_chain: String,
    /// The kernel's own steps, of a boot with `initcall_debug`, which is slower than others.
    pub initcalls: Vec<Initcall>,
}

impl Subject {
    /// Computes [`Subject::summary`] from the runs.
    pub fn summarise(&mut self) {
        let each = Milestone::ALL.iter();
        self.summary = each
            .filter_map(|milestone| Some((*milestone, summarise(&self.samples(*milestone))?)))
            .collect();
    }

    /// The times of a milestone in all runs that have it.
    pub fn samples(&self, milestone: Milestone) -> Vec<f64> {
        let times = self.runs.iter().map(|run| run.at_ms.get(&milestone));
        times.flatten().copied().collect()
    }

    /// The median of each milestone.
    pub fn medians(&self) -> Points {
        let each = self.summary.iter();
        each.map(|(milestone, summary)| (*milestone, summary.p50.value))
            .collect()
    }

    /// The milestone that the subject is judged by: the awaited answer, else readiness, else the last one of all runs.
    pub fn goal(&self) -> Option<Milestone> {
        let everywhere = |milestone: &Milestone| {
            !self.runs.is_empty() && self.samples(*milestone).len() == self.runs.len()
        };
        [Milestone::HttpAnswer, Milestone::Ready]
            .into_iter()
            .chain(Milestone::ALL.into_iter().rev())
            .find(everywhere)
    }

    /// The figures of the goal.
    pub fn goal_summary(&self) -> Option<&Summary> {
        self.summary.get(&self.goal()?)
    }

    /// The time of each round at which its last VM had reached a milestone.
    pub fn last_of_rounds(&self, milestone: Milestone) -> Vec<f64> {
        let mut last: BTreeMap<u32, f64> = BTreeMap::new();
        for run in &self.runs {
            if let Some(at) = run.at_ms.get(&milestone) {
                let latest = last.entry(run.round).or_insert(*at);
                *latest = latest.max(*at);
            }
        }
        last.into_values().collect()
    }
}
