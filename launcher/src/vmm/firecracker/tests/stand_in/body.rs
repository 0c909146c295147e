//! Bodies as Firecracker 1.16.1 takes them: fields in its order, so that serde refuses in its very words.
#![expect(dead_code, reason = "most fields are there to be known")]

use std::path::PathBuf;

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MachineConfig {
    pub(super) vcpu_count: u8,
    pub(super) mem_size_mib: usize,
    #[serde(default)]
    smt: bool,
    cpu_template: Option<Value>,
    #[serde(default)]
    track_dirty_pages: bool,
    #[serde(default)]
    huge_pages: Value,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct BootSource {
    pub(super) kernel_image_path: PathBuf,
    pub(super) initrd_path: Option<PathBuf>,
    boot_args: Option<String>,
}

#[derive(Deserialize)]
pub(super) enum CacheType {
    Unsafe,
    Writeback,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Drive {
    pub(super) drive_id: String,
    partuuid: Option<String>,
    is_root_device: bool,
    cache_type: Option<CacheType>,
    is_read_only: Option<bool>,
    pub(super) path_on_host: Option<PathBuf>,
    rate_limiter: Option<Value>,
    io_engine: Option<Value>,
    socket: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct DriveUpdate {
    pub(super) drive_id: String,
    pub(super) path_on_host: Option<PathBuf>,
    rate_limiter: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct NetworkInterface {
    pub(super) iface_id: String,
    pub(super) host_dev_name: String,
    guest_mac: Option<String>,
    mtu: Option<u16>,
    rx_rate_limiter: Option<Value>,
    tx_rate_limiter: Option<Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Vsock {
    vsock_id: Option<String>,
    guest_cid: u32,
    pub(super) uds_path: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Entropy {
    rate_limiter: Option<Value>,
}

#[derive(Deserialize)]
pub(super) enum ActionType {
    FlushMetrics,
    InstanceStart,
    SendCtrlAltDel,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Action {
    pub(super) action_type: ActionType,
}

#[derive(Deserialize)]
pub(super) enum VmState {
    Paused,
    Resumed,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Vm {
    pub(super) state: VmState,
}

#[derive(Deserialize)]
pub(super) enum SnapshotType {
    Diff,
    Full,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SnapshotCreate {
    snapshot_type: Option<SnapshotType>,
    pub(super) snapshot_path: PathBuf,
    pub(super) mem_file_path: PathBuf,
}

#[derive(Deserialize)]
pub(super) enum MemBackendType {
    File,
    Uffd,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MemBackend {
    pub(super) backend_path: PathBuf,
    backend_type: MemBackendType,
}

#[derive(Deserialize)]
pub(super) struct NetworkOverride {
    pub(super) iface_id: String,
    pub(super) host_dev_name: String,
}

#[derive(Deserialize)]
pub(super) struct VsockOverride {
    uds_path: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct SnapshotLoad {
    pub(super) snapshot_path: PathBuf,
    mem_file_path: Option<PathBuf>,
    pub(super) mem_backend: Option<MemBackend>,
    #[serde(default)]
    enable_diff_snapshots: bool,
    #[serde(default)]
    track_dirty_pages: bool,
    #[serde(default)]
    pub(super) resume_vm: bool,
    #[serde(default)]
    pub(super) network_overrides: Vec<NetworkOverride>,
    vsock_override: Option<VsockOverride>,
    #[serde(default)]
    clock_realtime: bool,
}

/// As 1.13 to 1.15 take it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct OlderSnapshotLoad {
    snapshot_path: PathBuf,
    mem_file_path: Option<PathBuf>,
    mem_backend: Option<MemBackend>,
    #[serde(default)]
    enable_diff_snapshots: bool,
    #[serde(default)]
    track_dirty_pages: bool,
    #[serde(default)]
    resume_vm: bool,
    #[serde(default)]
    network_overrides: Vec<NetworkOverride>,
}
