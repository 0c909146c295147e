//! The KVM probe's answer, kept for as long as the host is surely the same: it takes 10 ms on hardware and 100 where KVM is
//! emulated, and a VM on Firecracker boots in less.

use std::path::Path;
use std::time::{Duration, SystemTime};

use kindling_base::files;
use serde::{Deserialize, Serialize};

use crate::host::kvm::{self, Probe};

/// The note in the state folder.
const FILE: &str = "kvm.json";
/// A host that is itself a VM may be moved to other hardware while it runs.
const VALID: Duration = Duration::from_secs(60 * 60);
/// Differs after each boot.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// Who probes KVM, and where it is noted.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prober<'a> {
    /// Our own binary, which runs the probe.
    pub(crate) program: &'a Path,
    /// The state folder.
    pub(crate) state: &'a Path,
}

#[derive(Debug, Serialize, Deserialize)]
struct Note {
    boot_id: String,
    at: SystemTime,
    probe: Probe,
}

impl Prober<'_> {
    /// What was measured within the last hour of this boot, or is now.
    pub(crate) async fn probe(&self) -> Probe {
        if let Some(obstacle) = kvm::obstacle() {
            return obstacle;
        }
        let path = self.state.join(FILE);
        let boot_id = files::read_text(Path::new(BOOT_ID)).unwrap_or_default();
        if let Some(probe) = noted(&path, &boot_id, SystemTime::now()) {
            return probe;
        }
        let probe = kvm::probe(self.program).await;
        note(&path, boot_id, &probe);
        probe
    }
}

/// What the note says, if it is of this boot and not old.
fn noted(path: &Path, boot_id: &str, now: SystemTime) -> Option<Probe> {
    let note: Note = serde_json::from_slice(&files::read(path).ok()?).ok()?;
    let age = now.duration_since(note.at).ok()?;
    (note.boot_id == boot_id && age < VALID).then_some(note.probe)
}

/// Notes a speed that was measured; whatever went wrong may be right the next time.
fn note(path: &Path, boot_id: String, probe: &Probe) {
    if !matches!(probe, Probe::Measured { .. }) {
        return;
    }
    let note = Note {
        boot_id,
        at: SystemTime::now(),
        probe: probe.clone(),
    };
    // Without the note the next one is measured again.
    let json = serde_json::to_vec(&note).unwrap_or_default();
    let _ = files::replace(path, &json, 0o600);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_holds_for_an_hour_of_one_boot() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(FILE);
        let measured = Probe::Measured {
            instructions_per_second: 7,
        };
        let now = SystemTime::now();
        assert_eq!(noted(&path, "a", now), None);
        note(&path, "a".into(), &Probe::Stuck { deadline_ms: 500 });
        assert_eq!(noted(&path, "a", now), None, "a failure is not kept");
        note(&path, "a".into(), &measured);
        let at = |seconds| SystemTime::now() + Duration::from_secs(seconds);
        assert_eq!(noted(&path, "a", at(10)), Some(measured));
        assert_eq!(noted(&path, "b", at(10)), None, "another boot");
        assert_eq!(noted(&path, "a", at(3700)), None, "old");
        assert_eq!(
            noted(&path, "a", now - VALID),
            None,
            "the clock was set back"
        );
        std::fs::write(&path, b"{").unwrap();
        assert_eq!(noted(&path, "a", at(10)), None);
    }
}
