//! Snapshots on the screen.
#![expect(clippy::print_stderr, reason = "this file is where the binary prints")]

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use kindling_base::{Error, Result};
use kindling_launcher::Snapshot;
use serde_json::{Value, json};

use super::rows::columns;
use super::words::{coarse, seconds};
use super::{Screen, print};

impl Screen {
    /// A snapshot was taken.
    pub(crate) fn snapshot(&self, snapshot: &Snapshot) -> Result<()> {
        if self.json {
            return print(&row(snapshot)?.to_string());
        }
        let manifest = &snapshot.manifest;
        eprintln!(
            "kindling: saved `{}`, which stood still for {}; {}",
            manifest.spec.name,
            seconds(Duration::from_millis(manifest.paused_ms)),
            mib(snapshot.disk_usage()?)
        );
        print(&snapshot.name)
    }

    /// Lists snapshots; the folders that do not describe one are warnings.
    pub(crate) fn snapshots(
        &self,
        (snapshots, broken): &(Vec<Snapshot>, Vec<Error>),
    ) -> Result<()> {
        for error in broken {
            eprintln!("warning: {error}");
        }
        if self.json {
            let rows: Result<Vec<Value>> = snapshots.iter().map(row).collect();
            return print(&Value::from(rows?).to_string());
        }
        let heads = ["NAME", "VM", "BUNDLE", "ENGINE", "MEMORY", "ON DISK", "AGE"];
        let mut table = vec![heads.map(str::to_owned)];
        for snapshot in snapshots {
            let manifest = &snapshot.manifest;
            table.push([
                snapshot.name.clone(),
                manifest.spec.name.clone(),
                manifest.spec.bundle.name.clone(),
                manifest.engine.name.clone(),
                format!("{} MiB", manifest.spec.memory_mib),
                mib(snapshot.disk_usage()?),
                coarse(age(manifest.saved_at_ms)),
            ]);
        }
        print(&columns(&table))
    }
}

fn row(snapshot: &Snapshot) -> Result<Value> {
    Ok(json!({
        "name": snapshot.name,
        "folder": snapshot.folder,
        "disk_usage_bytes": snapshot.disk_usage()?,
        "manifest": snapshot.manifest,
    }))
}

fn mib(bytes: u64) -> String {
    format!("{:.1} MiB", bytes as f64 / f64::from(1 << 20))
}

fn age(saved_at_ms: u64) -> Duration {
    let saved = UNIX_EPOCH + Duration::from_millis(saved_at_ms);
    SystemTime::now().duration_since(saved).unwrap_or_default()
}
