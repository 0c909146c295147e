//! What is saved of a benchmark: the machine, what was measured, and every run.

use std::collections::BTreeMap;
use std::path::Path;

use kindling_base::{Error, Result, files};
use serde::{Deserialize, Serialize};

use crate::guest::{Initcall, Unit};
use crate::milestone::{Milestone, Points};
use crate::stats::{Summary, summarise};

/// Version of the format. A reader refuses another one.
pub const SCHEMA: u32 = 1;

/// A whole benchmark.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// Format version, [`SCHEMA`].
    pub schema: u32,
    /// The version of Kindling.
    pub kindling: String,
    /// When it began, in seconds since 1970.
    pub at: u64,
    /// The command, for whoever wants to run it again.
    pub command: String,
    /// Where it ran.
    pub machine: Machine,
    /// How.
    pub settings: Settings,
    /// One, or the two that are compared: the first is what the second is held against.
    pub subjects: Vec<Subject>,
}

/// How a benchmark was run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Rounds that count.
    pub runs: u32,
    /// Rounds before them that do not.
    pub warmup: u32,
}

/// The machine that a benchmark ran on.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Machine {
    /// The processor's name.
    pub cpu: String,
    /// Processors online.
    pub cpus: u32,
    /// Their frequency governor; `None` where the kernel shows none, as in most VMs.
    pub governor: Option<String>,
    /// Whether the machine is a VM itself.
    pub virtual_machine: bool,
    /// What the probe found of `/dev/kvm`, for a person.
    pub kvm: String,
    /// The kernel's release.
    pub kernel: String,
    /// Memory in MiB.
    pub memory_mib: u64,
    /// The load of the last minute when the benchmark began.
    pub load_before: f64,
    /// And when it had ended.
    pub load_after: f64,
}

impl Machine {
    /// In what two machines differ as far as times depend on it: the field and both values.
    pub fn differences<'a>(&'a self, other: &'a Self) -> Vec<(&'static str, &'a str, &'a str)> {
        let governor = |machine: &'a Self| machine.governor.as_deref().unwrap_or("none");
        let fields = [
            ("the processor", self.cpu.as_str(), other.cpu.as_str()),
            ("the kernel", &self.kernel, &other.kernel),
            ("the governor", governor(self), governor(other)),
        ];
        let differs = |(_, one, two): &(_, &str, &str)| one != two;
        fields.into_iter().filter(differs).collect()
    }
}

/// What was done in every run.
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
    /// What it is called in tables.
    pub label: String,
    /// What was done.
    pub action: Action,
    /// What ran the machine.
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
    /// What the guest said of its own boot.
    pub profile: Option<Profile>,
}

/// What ran machines.
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
    /// What it is: `kernel`, `bundle`.
    pub name: String,
    /// SHA-256 in hexadecimal.
    pub sha256: String,
    /// Bytes, where it is one file.
    pub size: Option<u64>,
}

/// One VM of one round.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The round, from 1 on.
    pub round: u32,
    /// Which of the round's VMs, from 1 on, where there are more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clone: Option<u32>,
    /// The machine's load of the last minute when the round began.
    pub load: f64,
    /// When it got where.
    pub at_ms: Points,
    /// How host and guest were joined.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockJoin>,
    /// What it took, where that was looked at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footprint: Option<Footprint>,
    /// What the monitor itself reports, in milliseconds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub monitor_ms: BTreeMap<String, f64>,
}

/// How the guest's clock was placed on the host's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClockJoin {
    /// Where zero of the guest's clock lies, in milliseconds from the start of the command.
    pub zero_ms: f64,
    /// It lies at most this far from there.
    pub bound_ms: f64,
    /// Whether the agent was asked; else the marker's own time was taken, which may have been late on the serial port.
    pub by_agent: bool,
}

/// Memory and disk of one VM.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Footprint {
    /// Proportional set size of the monitor: a page that N processes share counts as a N-th, in KiB.
    pub pss_kib: u64,
    /// Resident set size, in KiB.
    pub rss_kib: u64,
    /// Resident and nobody else's, in KiB.
    pub private_kib: u64,
    /// Blocks that files of the VM's own take on disk, in bytes.
    pub disk_bytes: u64,
}

/// What a guest said of its own boot.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Profile {
    /// The service manager's units, each with its times in milliseconds of the guest's clock.
    pub units: Vec<Unit>,
    /// When PID 1 began, on the guest's clock.
    pub init_ms: f64,
    /// What `systemd-analyze critical-chain` said.
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

    /// The milestone that all is about: the answer that was waited for, else readiness, else whatever came last.
    pub fn goal(&self) -> Option<Milestone> {
        let everywhere = |milestone: &Milestone| {
            !self.runs.is_empty() && self.samples(*milestone).len() == self.runs.len()
        };
        [Milestone::HttpAnswer, Milestone::Ready]
            .into_iter()
            .chain(Milestone::ALL.into_iter().rev())
            .find(everywhere)
    }

    /// How far the goal lies.
    pub fn goal_summary(&self) -> Option<&Summary> {
        self.summary.get(&self.goal()?)
    }

    /// When the last VM of each round had reached a milestone: for rounds with more than one.
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

impl Report {
    /// Reads a report that was saved.
    ///
    /// # Errors
    /// The file cannot be read, is no report, or is one of another version.
    pub fn load(path: &Path) -> Result<Self> {
        let bytes = files::read(path)?;
        Self::parse(&bytes).map_err(|error| error.within(path.display()))
    }

    /// Reads a report from its JSON.
    ///
    /// # Errors
    /// It is no report, or one of another version.
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        #[derive(Deserialize)]
        struct Version {
            schema: u32,
        }
        let hint = "name a file that `kindling bench ... --save FILE` wrote";
        let version = serde_json::from_slice::<Version>(bytes).map_err(|error| {
            Error::user("no report of a benchmark")
                .because(error)
                .hint(hint)
        })?;
        if version.schema != SCHEMA {
            let theirs = version.schema;
            return Err(Error::user(format!(
                "a report of format {theirs}, where this kindling reads format {SCHEMA}"
            ))
            .hint("measure again"));
        }
        serde_json::from_slice(bytes).map_err(|error| {
            Error::user("a damaged report of a benchmark")
                .because(error)
                .hint(hint)
        })
    }

    /// The JSON that [`Report::parse`] reads.
    ///
    /// # Errors
    /// A figure is no number.
    pub fn to_json(&self) -> Result<Vec<u8>> {
        serde_json::to_vec_pretty(self)
            .map_err(|error| Error::internal("cannot write a report as JSON").because(error))
    }

    /// What the benchmark is called.
    pub fn title(&self) -> String {
        let labels: Vec<&str> = self.subjects.iter().map(|s| s.label.as_str()).collect();
        labels.join(" and ")
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A report of two subjects whose runs reach readiness at these times.
    pub(crate) fn report(first: &[f64], second: &[f64]) -> Report {
        let subject = |label: &str, action: Action, times: &[f64]| {
            let runs = times.iter().zip(1..).map(|(at, round)| Run {
                round,
                load: 0.5,
                at_ms: Points::from([
                    (Milestone::Spawned, at * 0.1),
                    (Milestone::VmmReady, at * 0.2),
                    (Milestone::Running, at * 0.3),
                    (Milestone::AgentAnswer, at * 0.8),
                    (Milestone::Ready, *at),
                    (Milestone::Returned, at + 1.0),
                ]),
                ..Run::default()
            });
            let mut subject = Subject {
                label: label.to_owned(),
                action,
                engine: EngineUsed {
                    name: "QEMU".to_owned(),
                    version: "7.2".to_owned(),
                    accelerator: "tcg".to_owned(),
                },
                vcpus: 2,
                memory_mib: 512,
                artifacts: vec![Artifact {
                    name: "kernel".to_owned(),
                    sha256: "ab".repeat(32),
                    size: Some(16 << 20),
                }],
                until: None,
                runs: runs.collect(),
                summary: BTreeMap::new(),
                profile: None,
            };
            subject.summarise();
            subject
        };
        let mut subjects = vec![subject("cold boot of a", Action::Boot, first)];
        if !second.is_empty() {
            subjects.push(subject("resume of a", Action::Resume, second));
        }
        Report {
            schema: SCHEMA,
            kindling: "0.1.0".to_owned(),
            at: 1_795_000_000,
            command: "kindling bench boot a".to_owned(),
            machine: Machine::default(),
            settings: Settings { runs: 3, warmup: 1 },
            subjects,
        }
    }

    #[test]
    fn a_report_is_read_as_it_was_written() {
        let written = report(&[100.0, 110.5, 105.25], &[10.0]);
        let read = Report::parse(&written.to_json().unwrap()).unwrap();
        assert_eq!(read, written);
    }

    #[test]
    fn what_is_no_report_is_refused_kindly() {
        let told = |text: &str| Report::parse(text.as_bytes()).unwrap_err().report();
        assert!(told("{}").contains("no report of a benchmark"));
        assert!(told("{}").contains("--save FILE"));
        assert!(told(r#"{"schema": 9}"#).contains("format 9"));
        assert!(told(r#"{"schema": 1}"#).contains("damaged"));
    }

    #[test]
    fn the_goal_is_the_answer_that_was_waited_for() {
        let mut report = report(&[100.0, 110.0], &[]);
        assert_eq!(report.subjects[0].goal(), Some(Milestone::Ready));
        for run in &mut report.subjects[0].runs {
            run.at_ms.insert(Milestone::HttpAnswer, 200.0);
        }
        report.subjects[0].summarise();
        assert_eq!(report.subjects[0].goal(), Some(Milestone::HttpAnswer));
        assert_eq!(
            report.subjects[0].last_of_rounds(Milestone::Ready),
            [100.0, 110.0]
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_parsed_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Report::parse(&bytes);
        }
    }
}
