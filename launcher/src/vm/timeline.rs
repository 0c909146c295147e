//! The timeline of a VM, on the monotonic clock that all processes of the host share: `timeline.jsonl` in the VM's folder,
//! one line a step as it happens. `kindling bench` reads it.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Write;
use std::path::Path;

use kindling_base::{Result, files};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// The file in the VM's folder.
const TIMELINE: &str = "timeline.jsonl";

/// A step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Step {
    /// The monitor's process is about to be started.
    Spawned,
    /// The monitor answers.
    VmmReady,
    /// The guest's processors run.
    Running,
    /// The first byte on the serial console was read.
    FirstOutput,
    /// The agent has answered our greeting.
    AgentAnswer,
    /// The guest is ready.
    Ready,
}

#[derive(Serialize, Deserialize)]
struct Line {
    step: Step,
    /// Nanoseconds of CLOCK_MONOTONIC.
    at_ns: u64,
}

/// CLOCK_MONOTONIC in nanoseconds.
pub fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    let nanoseconds = u64::try_from(now.tv_nsec).unwrap_or_default();
    seconds * 1_000_000_000 + nanoseconds
}

/// Notes a step of the VM in `folder`. A note that cannot be written is left out: the guest matters more.
pub(crate) fn note(folder: &Path, step: Step) {
    let at_ns = now_ns();
    let opened = File::options()
        .create(true)
        .append(true)
        .open(folder.join(TIMELINE));
    if let (Ok(mut file), Ok(mut line)) = (opened, serde_json::to_vec(&Line { step, at_ns })) {
        line.push(b'\n');
        let _ = file.write_all(&line);
    }
}

/// The first time of each step of the VM in `folder`.
///
/// # Errors
/// Nothing was noted there.
pub fn read(folder: &Path) -> Result<BTreeMap<Step, u64>> {
    let text = files::read_text(&folder.join(TIMELINE))?;
    let mut steps = BTreeMap::new();
    // The last line may be half written.
    for line in text
        .lines()
        .filter_map(|line| serde_json::from_str::<Line>(line).ok())
    {
        steps.entry(line.step).or_insert(line.at_ns);
    }
    Ok(steps)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_time_counts_and_half_a_line_does_not() {
        let folder = tempfile::tempdir().unwrap();
        assert!(read(folder.path()).is_err());
        let before = now_ns();
        note(folder.path(), Step::Ready);
        note(folder.path(), Step::Spawned);
        let between = now_ns();
        note(folder.path(), Step::Ready);
        let path = folder.path().join(TIMELINE);
        let text = std::fs::read_to_string(&path).unwrap() + r#"{"step":"running","at_"#;
        std::fs::write(&path, text).unwrap();
        let steps = read(folder.path()).unwrap();
        assert_eq!(
            steps.keys().copied().collect::<Vec<_>>(),
            [Step::Spawned, Step::Ready]
        );
        assert!((before..between).contains(&steps[&Step::Ready]));
    }
}
