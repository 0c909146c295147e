//! A note of KVM's speed, kept for as long as the host is surely the same: measuring takes 10 ms on hardware and 100 where KVM is
//! emulated, and a VM on Firecracker boots in less.

use std::path::Path;
use std::time::{Duration, SystemTime};

use kindling_base::files;
use serde::{Deserialize, Serialize};

use crate::host::kvm::{self, KvmState};

/// The note in the state folder.
const FILE: &str = "kvm.json";
/// A host that is itself a VM may be moved to other hardware while it runs.
const VALID: Duration = Duration::from_secs(60 * 60);
/// Differs after each boot.
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";

/// The note of KVM's state, and the program that measures it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct KvmNote<'a> {
    /// Our own binary.
    pub(crate) program: &'a Path,
    /// The state folder.
    pub(crate) state: &'a Path,
}

#[derive(Debug, Serialize, Deserialize)]
struct Note {
    boot_id: String,
    at: SystemTime,
    /// Called `probe` in the file.
    #[serde(rename = "probe")]
    found: KvmState,
}

impl KvmNote<'_> {
    /// The state of KVM, as noted within the last hour of this boot, or measured now.
    pub(crate) async fn look(&self) -> KvmState {
        if let Some(obstacle) = kvm::obstacle() {
            return obstacle;
        }
        let path = self.state.join(FILE);
        let boot_id = files::read_text(Path::new(BOOT_ID)).unwrap_or_default();
        if let Some(found) = noted(&path, &boot_id, SystemTime::now()) {
            return found;
        }
        let found = kvm::look(self.program).await;
        note(&path, boot_id, &found);
        found
    }
}

/// The noted state, if the note is of this boot and not old.
fn noted(path: &Path, boot_id: &str, now: SystemTime) -> Option<KvmState> {
    let note: Note = serde_json::from_slice(&files::read(path).ok()?).ok()?;
    let age = now.duration_since(note.at).ok()?;
    (note.boot_id == boot_id && age < VALID).then_some(note.found)
}

/// Notes a speed that was measured; whatever went wrong may be right the next time.
fn note(path: &Path, boot_id: String, found: &KvmState) {
    if !matches!(found, KvmState::Measured { .. }) {
        return;
    }
    let note = Note {
        boot_id,
        at: SystemTime::now(),
        found: found.clone(),
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
        let measured = KvmState::Measured {
            instructions_per_second: 7,
        };
        let now = SystemTime::now();
        assert_eq!(noted(&path, "a", now), None);
        note(&path, "a".into(), &KvmState::Stuck { deadline_ms: 500 });
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
