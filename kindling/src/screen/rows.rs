//! VMs as rows of tables and of JSON.

use kindling_launcher::Vm;
use serde_json::{Value, json};

use super::words::{coarse, seconds};

/// A VM as `--json` shows it.
pub(super) fn row(vm: &Vm) -> Value {
    let status = &vm.status;
    json!({
        "name": vm.spec.name,
        "bundle": vm.spec.bundle.name,
        "bundle_folder": vm.spec.bundle.folder,
        "folder": vm.folder,
        "state": status.state,
        "vmm": vm.spec.vmm,
        "accelerator": vm.spec.accelerator,
        "pid": status.vmm_pid,
        "supervisor_pid": status.supervisor_pid,
        "uptime_ms": status.uptime().map(|d| d.as_millis() as u64),
        "first_output_after_ms": status.first_output_after_ms,
        "ready_after_ms": status.ready_after_ms,
        "created_at_ms": status.created_at_ms,
        "ended_at_ms": status.ended_at_ms,
        "ending": status.ending,
        "network": vm.spec.network.as_ref(),
    })
}

/// A VM as `ps` shows it: name, bundle, state, process, uptime, time to readiness, addresses.
pub(super) fn cells(vm: &Vm) -> [String; 7] {
    let none = || "-".to_owned();
    let network = vm.spec.network.as_ref();
    let publish = network.into_iter().flat_map(|n| n.publish());
    let publish = publish.map(|p| format!("{}:{}->{}", p.address, p.host, p.guest));
    let address = network.and_then(|n| n.address()).map(|a| a.to_string());
    let reached: Vec<String> = address.into_iter().chain(publish).collect();
    [
        vm.spec.name.clone(),
        vm.spec.bundle.name.clone(),
        vm.status.state.name().to_owned(),
        vm.status.vmm_pid.map_or_else(none, |pid| pid.to_string()),
        vm.status.uptime().map_or_else(none, coarse),
        vm.status.ready_after().map_or_else(none, seconds),
        if reached.is_empty() {
            none()
        } else {
            reached.join(",")
        },
    ]
}

/// Left-aligned columns, two spaces between them.
pub(super) fn columns<const N: usize>(rows: &[[String; N]]) -> String {
    let width = |column: usize| {
        rows.iter()
            .map(|row| row[column].chars().count())
            .max()
            .unwrap_or(0)
    };
    let widths: Vec<usize> = (0..N).map(width).collect();
    let line = |row: &[String; N]| {
        let padded = row
            .iter()
            .zip(&widths)
            .map(|(cell, width)| format!("{cell:width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    rows.iter().map(line).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::columns;

    #[test]
    fn columns_line_up() {
        let rows = [["a", "b"], ["long", "x"]].map(|row| row.map(str::to_owned));
        assert_eq!(columns(&rows), "a     b\nlong  x");
    }
}
