//! Points in time on the way to a guest that answers, and the phases between them. `docs/benchmarks.md` says the same at
//! more length: change both together.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// A point in time, in the order in which most guests reach them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Milestone {
    /// The monitor's process is about to be started.
    Spawned,
    /// The monitor answers on its control connection.
    VmmReady,
    /// The monitor was told to run the guest's processors, and has said that they run.
    Running,
    /// The guest's kernel has set its clock going.
    KernelStart,
    /// The first byte on the serial console.
    FirstOutput,
    /// PID 1 of the root file system runs.
    InitStart,
    /// The guest's address is set.
    NetworkUp,
    /// The guest's agent has answered for the first time.
    AgentAnswer,
    /// The root window of the desktop is painted.
    Painted,
    /// The service manager has started all that it was to start.
    UnitsDone,
    /// The guest is ready.
    Ready,
    /// The command has returned.
    Returned,
    /// The first byte of an answer came from the guest's port.
    HttpAnswer,
}

/// Points in time, in milliseconds from the start of the command.
pub type Points = BTreeMap<Milestone, f64>;

impl Milestone {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Spawned,
        Self::VmmReady,
        Self::Running,
        Self::KernelStart,
        Self::FirstOutput,
        Self::InitStart,
        Self::NetworkUp,
        Self::AgentAnswer,
        Self::Painted,
        Self::UnitsDone,
        Self::Ready,
        Self::Returned,
        Self::HttpAnswer,
    ];

    /// A few words for a person.
    pub fn title(self) -> &'static str {
        match self {
            Self::Spawned => "monitor spawned",
            Self::VmmReady => "monitor answers",
            Self::Running => "processors run",
            Self::KernelStart => "kernel's clock starts",
            Self::FirstOutput => "first byte on the console",
            Self::InitStart => "init runs",
            Self::NetworkUp => "network configured",
            Self::AgentAnswer => "agent answers",
            Self::Painted => "desktop painted",
            Self::UnitsDone => "units started",
            Self::Ready => "ready",
            Self::Returned => "command returned",
            Self::HttpAnswer => "HTTP answers",
        }
    }

    /// Its meaning, and the clock that it is read from.
    pub fn definition(self) -> &'static str {
        match self {
            Self::Spawned => {
                "The supervisor is about to start the monitor: the bundle was checked, the disk made, the engine chosen. Host."
            }
            Self::VmmReady => "QEMU has greeted on QMP, Firecracker has accepted on its API. Host.",
            Self::Running => {
                "The monitor has confirmed that the guest's processors run (cont, InstanceStart or a load that resumes). Host."
            }
            Self::KernelStart => {
                "Zero of the guest's monotonic clock, early in start_kernel. Guest, joined."
            }
            Self::FirstOutput => {
                "The supervisor has read the first byte of the serial console. Host."
            }
            Self::InitStart => {
                "systemd as PID 1 of the root: UserspaceTimestampMonotonic. The kernel and the initramfs are done. Guest, joined."
            }
            Self::NetworkUp => {
                "network.target is active: the unit that sets the address has ended. Guest, joined."
            }
            Self::AgentAnswer => {
                "The supervisor has read the agent's answer to its greeting: the first answer of the guest. Host."
            }
            Self::Painted => {
                "kindling-session.service is active: the root window is painted. Guest, joined."
            }
            Self::UnitsDone => "systemd's FinishTimestampMonotonic. Guest, joined.",
            Self::Ready => {
                "A boot: the marker of bundle.json came on the console. A resume: the agent has made the guest one of its own. Host."
            }
            Self::Returned => "The process of the command has ended. Host.",
            Self::HttpAnswer => {
                "The first byte of an answer to a GET on the port of --until. Host."
            }
        }
    }
}

/// A span between two points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Phase {
    /// One or two words.
    pub name: &'static str,
    /// Its beginning; `None` is the start of the command.
    pub from: Option<Milestone>,
    /// Its end.
    pub to: Milestone,
    /// Whether it follows on the phases before it. Others run beside them.
    pub main: bool,
}

const fn phase(name: &'static str, from: Option<Milestone>, to: Milestone) -> Phase {
    Phase {
        name,
        from,
        to,
        main: true,
    }
}

const fn beside(name: &'static str, from: Milestone, to: Milestone) -> Phase {
    Phase {
        name,
        from: Some(from),
        to,
        main: false,
    }
}

/// All phases. The main ones cover a boot or a resume without gap or overlap, where the guest has what they end with.
pub const PHASES: [Phase; 15] = [
    phase("prepare", None, Milestone::Spawned),
    phase("monitor", Some(Milestone::Spawned), Milestone::VmmReady),
    phase("load", Some(Milestone::VmmReady), Milestone::Running),
    phase("entry", Some(Milestone::Running), Milestone::KernelStart),
    phase("kernel", Some(Milestone::KernelStart), Milestone::InitStart),
    beside("network", Milestone::InitStart, Milestone::NetworkUp),
    beside("agent", Milestone::InitStart, Milestone::AgentAnswer),
    beside("painting", Milestone::InitStart, Milestone::Painted),
    beside("units", Milestone::InitStart, Milestone::UnitsDone),
    phase("userspace", Some(Milestone::InitStart), Milestone::Ready),
    phase(
        "first answer",
        Some(Milestone::Running),
        Milestone::AgentAnswer,
    ),
    phase("identity", Some(Milestone::AgentAnswer), Milestone::Ready),
    phase("guest", Some(Milestone::Running), Milestone::Ready),
    phase("return", Some(Milestone::Ready), Milestone::Returned),
    beside("HTTP", Milestone::Running, Milestone::HttpAnswer),
];

impl Phase {
    /// Its beginning and its end in `points`; `None` where one is not there, or where other phases tell it better: a guest
    /// whose init is known has kernel and userspace, one that goes on has its first answer and its new identity, and of
    /// one that tells nothing of itself there is the whole.
    pub fn span(&self, points: &Points) -> Option<(f64, f64)> {
        let boots = points.contains_key(&Milestone::InitStart);
        let answers = points.contains_key(&Milestone::AgentAnswer);
        let told = match self.name {
            "first answer" | "identity" => !boots,
            "guest" => !boots && !answers,
            "entry" => boots,
            _ => true,
        };
        if !told {
            return None;
        }
        let from = match self.from {
            None => 0.0,
            Some(from) => *points.get(&from)?,
        };
        Some((from, *points.get(&self.to)?))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn main(points: &Points) -> Vec<(&'static str, f64, f64)> {
        let main = PHASES.iter().filter(|phase| phase.main);
        main.filter_map(|phase| phase.span(points).map(|(from, to)| (phase.name, from, to)))
            .collect()
    }

    fn without_gap(spans: &[(&str, f64, f64)]) -> bool {
        spans.windows(2).all(|pair| pair[0].2 == pair[1].1) && spans[0].1 == 0.0
    }

    #[test]
    fn main_phases_cover_a_boot_and_a_resume() {
        let boot = Milestone::ALL
            .iter()
            .zip(1..)
            .map(|(m, at)| (*m, f64::from(at)));
        let spans = main(&boot.collect());
        assert!(without_gap(&spans), "{spans:?}");
        assert_eq!(spans.len(), 7);
        use Milestone::{AgentAnswer, Ready, Returned, Running, Spawned, VmmReady};
        let resume = [Spawned, VmmReady, Running, AgentAnswer, Ready, Returned];
        let resume = resume.iter().zip(1..).map(|(m, at)| (*m, f64::from(at)));
        let spans = main(&resume.collect());
        assert!(without_gap(&spans), "{spans:?}");
        assert_eq!(spans.len(), 6);
        let dumb = [Spawned, VmmReady, Running, Milestone::KernelStart, Ready];
        let dumb = dumb.iter().zip(1..).map(|(m, at)| (*m, f64::from(at)));
        let spans = main(&dumb.collect());
        assert!(without_gap(&spans), "{spans:?}");
        assert_eq!(spans.len(), 4);
    }

    #[test]
    fn all_are_listed_in_their_order_and_defined() {
        assert!(Milestone::ALL.is_sorted());
        let named = serde_json::to_value(Milestone::ALL).unwrap();
        let names = named.as_array().unwrap();
        assert_eq!(names[0], "spawned");
        assert_eq!(names.len(), Milestone::ALL.len());
        for milestone in Milestone::ALL {
            assert!(milestone.definition().ends_with('.'), "{milestone:?}");
        }
    }
}
