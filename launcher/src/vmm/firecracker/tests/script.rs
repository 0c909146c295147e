//! Requests to a machine in a folder with `vmlinux` and `disk.raw`: those that are refused, and the steps between them.

use serde_json::{Value, json};

/// A method, a path and a body.
pub(super) type Request = (&'static str, &'static str, Value);

/// A script for one machine.
pub(super) fn script() -> Vec<Request> {
    [kernel_and_processors(), devices_and_start(), once_it_runs()].concat()
}

fn kernel_and_processors() -> Vec<Request> {
    vec![
        ("PUT", "/nothing", json!({})),
        (
            "PUT",
            "/machine-config",
            json!({"vcpu_count": 1, "mem_size_mib": 64, "x": 1}),
        ),
        ("PUT", "/machine-config", json!({"vcpu_count": 1})),
        (
            "PUT",
            "/machine-config",
            json!({"vcpu_count": 33, "mem_size_mib": 64}),
        ),
        (
            "PUT",
            "/machine-config",
            json!({"vcpu_count": 1, "mem_size_mib": 0}),
        ),
        ("PUT", "/boot-source", json!({"kernel_image_path": "none"})),
        (
            "PUT",
            "/boot-source",
            json!({"kernel_image_path": "vmlinux", "initrd_path": "none"}),
        ),
        (
            "PUT",
            "/boot-source",
            json!({"kernel_image_path": "vmlinux", "cmdline": "a"}),
        ),
    ]
}

fn devices_and_start() -> Vec<Request> {
    let start = json!({"action_type": "InstanceStart"});
    let create = json!({"snapshot_type": "Full", "snapshot_path": "s", "mem_file_path": "m"});
    let load = json!({"snapshot_path": "none", "mem_backend": {"backend_type": "File", "backend_path": "m"}});
    let drive = |id: &str, path: &str| json!({"drive_id": id, "path_on_host": path, "is_root_device": false});
    let moved = |id: &str, path: &str| json!({"drive_id": id, "path_on_host": path});
    vec![
        ("PUT", "/drives/root", drive("other", "disk.raw")),
        ("PUT", "/drives/root", drive("root", "none")),
        (
            "PUT",
            "/network-interfaces/eth0",
            json!({"iface_id": "eth1", "host_dev_name": "t"}),
        ),
        (
            "PUT",
            "/network-interfaces/eth0",
            json!({"iface_id": "eth0", "tap": "t"}),
        ),
        (
            "PUT",
            "/vsock",
            json!({"guest_cid": 3, "uds_path": "v", "x": 1}),
        ),
        ("PUT", "/entropy", json!({"x": 1})),
        ("PUT", "/actions", start.clone()),
        ("PUT", "/actions", json!({"action_type": "InstanceHalt"})),
        ("PUT", "/actions", json!({"action_type": "SendCtrlAltDel"})),
        ("PUT", "/snapshot/create", create.clone()),
        (
            "PUT",
            "/snapshot/load",
            json!({"snapshot_path": "none", "mem_backend": {"backend_type": "file", "backend_path": "m"}}),
        ),
        ("PUT", "/snapshot/load", json!({"snapshot_path": "none"})),
        ("PATCH", "/vm", json!({"state": "Paused"})),
        ("PATCH", "/vm", json!({"state": "Sleeping"})),
        ("PATCH", "/drives/root", moved("root", "disk.raw")),
        ("PUT", "/vsock", json!({"guest_cid": 3, "uds_path": "v"})),
        ("PUT", "/snapshot/load", load.clone()),
        (
            "PUT",
            "/machine-config",
            json!({"vcpu_count": 1, "mem_size_mib": 64}),
        ),
        (
            "PUT",
            "/boot-source",
            json!({"kernel_image_path": "vmlinux"}),
        ),
        ("PUT", "/drives/root", drive("root", "disk.raw")),
        ("PUT", "/entropy", json!({})),
        ("PUT", "/actions", start.clone()),
        (
            "PUT",
            "/machine-config",
            json!({"vcpu_count": 1, "mem_size_mib": 64}),
        ),
        (
            "PUT",
            "/boot-source",
            json!({"kernel_image_path": "vmlinux"}),
        ),
        ("PUT", "/drives/root", drive("root", "disk.raw")),
        ("PUT", "/entropy", json!({})),
        ("PUT", "/actions", start),
    ]
}

fn once_it_runs() -> Vec<Request> {
    let create = json!({"snapshot_type": "Full", "snapshot_path": "s", "mem_file_path": "m"});
    let load = json!({"snapshot_path": "none", "mem_backend": {"backend_type": "File", "backend_path": "m"}});
    let moved = |id: &str, path: &str| json!({"drive_id": id, "path_on_host": path});
    vec![
        ("PUT", "/actions", json!({"action_type": "SendCtrlAltDel"})),
        ("PUT", "/snapshot/create", create.clone()),
        ("PUT", "/snapshot/load", load),
        ("PATCH", "/drives/none", moved("none", "disk.raw")),
        ("PATCH", "/drives/root", moved("root", "none")),
        ("PATCH", "/drives/root", moved("root", "disk.raw")),
        ("PATCH", "/vm", json!({"state": "Paused"})),
        ("PATCH", "/vm", json!({"state": "Paused"})),
        (
            "PUT",
            "/snapshot/create",
            json!({"snapshot_path": "nowhere/s", "mem_file_path": "m"}),
        ),
        ("PUT", "/snapshot/create", create),
        ("PATCH", "/vm", json!({"state": "Resumed"})),
    ]
}

/// A load that fails ends the process, so it comes alone.
pub(super) fn last_requests() -> Vec<Request> {
    let load = |state: &str, memory: &str| json!({"snapshot_path": state, "mem_backend": {"backend_type": "File", "backend_path": memory}});
    let mut with_card = load("s", "m");
    with_card["network_overrides"] = json!([{"iface_id": "eth7", "host_dev_name": "t"}]);
    let loads = [load("none", "m"), load("s", "none"), with_card];
    loads.map(|load| ("PUT", "/snapshot/load", load)).into()
}
