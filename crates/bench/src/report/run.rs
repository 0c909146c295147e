//! One measured run: its times, and the memory and disk of its VM.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::milestone::Points;

/// One VM of one round.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    /// The round, from 1 on.
    pub round: u32,
    /// The number of the VM within its round, from 1 on; `None` where a round has one VM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clone: Option<u32>,
    /// The machine's load of the last minute when the round began.
    pub load: f64,
    /// The time of each milestone that it reached.
    pub at_ms: Points,
    /// The place of the guest's clock on the host's; `None` where that is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clock: Option<ClockJoin>,
    /// Memory and disk, if they were measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub footprint: Option<Footprint>,
    /// The monitor's own times, in milliseconds.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub monitor_ms: BTreeMap<String, f64>,
}

/// The place of the guest's clock on the host's.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ClockJoin {
    /// Zero of the guest's clock, in milliseconds from the start of the command.
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
    /// Resident pages of this process alone, in KiB.
    pub private_kib: u64,
    /// Blocks that files of the VM's own take on disk, in bytes.
    pub disk_bytes: u64,
}
