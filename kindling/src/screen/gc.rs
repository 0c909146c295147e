//! A garbage collection on the screen.

use kindling_base::Result;
use kindling_launcher::Collected;

use super::{Screen, print, to_json};

impl Screen {
    /// Shows what `gc` cleared away, or would.
    pub(crate) fn collected(&self, collected: &Collected, dry_run: bool) -> Result<()> {
        if self.json {
            return print(&to_json(collected)?);
        }
        if collected.is_empty() {
            return print("nothing is dead");
        }
        let verb = if dry_run { "would clear" } else { "cleared" };
        let named = [
            ("VMs, but for their logs", &collected.cleared),
            ("whole VMs", &collected.removed),
            ("TAPs", &collected.taps),
            ("control groups", &collected.groups),
            ("addresses", &collected.leases),
        ];
        for (what, names) in named.iter().filter(|(_, names)| !names.is_empty()) {
            print(&format!("{verb} {what}: {}", names.join(", ")))?;
        }
        if !collected.processes.is_empty() {
            let pids: Vec<_> = collected.processes.iter().map(u32::to_string).collect();
            print(&format!("{verb} processes: {}", pids.join(", ")))?;
        }
        if collected.half_made > 0 {
            print(&format!(
                "{verb} half-made folders: {}",
                collected.half_made
            ))?;
        }
        let mib = collected.bytes as f64 / f64::from(1 << 20);
        print(&format!("{mib:.1} MiB on the disk"))
    }
}
