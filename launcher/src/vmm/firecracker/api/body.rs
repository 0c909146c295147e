//! Bodies of requests, as `src/firecracker/swagger/firecracker.yaml` of Firecracker describes them. Fields that we never
//! set are left out; unknown ones are refused by the other side.

use std::path::Path;

use serde::Serialize;

/// `PUT /machine-config`.
#[derive(Debug, Serialize)]
pub(crate) struct MachineConfig {
    pub(crate) vcpu_count: u32,
    pub(crate) mem_size_mib: u32,
}

/// `PUT /boot-source`.
#[derive(Debug, Serialize)]
pub(crate) struct BootSource<'a> {
    pub(crate) kernel_image_path: &'a Path,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) initrd_path: Option<&'a Path>,
    pub(crate) boot_args: &'a str,
}

/// `PUT /drives/{drive_id}`.
#[derive(Debug, Serialize)]
pub(crate) struct Drive<'a> {
    pub(crate) drive_id: &'a str,
    pub(crate) path_on_host: &'a Path,
    /// Whether Firecracker adds `root=/dev/vda` to the command line; ours says what the root is.
    pub(crate) is_root_device: bool,
    pub(crate) is_read_only: bool,
    pub(crate) cache_type: CacheType,
}

/// The meaning of a flush by the guest.
#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) enum CacheType {
    /// The host's disk has it.
    Writeback,
}

/// `PATCH /drives/{drive_id}`.
#[derive(Debug, Serialize)]
pub(crate) struct DrivePath<'a> {
    pub(crate) drive_id: &'a str,
    pub(crate) path_on_host: &'a Path,
}

/// `PUT /network-interfaces/{iface_id}`.
#[derive(Debug, Serialize)]
pub(crate) struct NetworkInterface<'a> {
    pub(crate) iface_id: &'a str,
    pub(crate) host_dev_name: &'a str,
    pub(crate) guest_mac: String,
}

/// `PUT /vsock`.
#[derive(Debug, Serialize)]
pub(crate) struct Vsock<'a> {
    pub(crate) guest_cid: u32,
    pub(crate) uds_path: &'a str,
}

/// `PUT /entropy`: the device without a rate limit.
#[derive(Debug, Serialize)]
pub(crate) struct Entropy {}

/// `PUT /actions`.
#[derive(Debug, Serialize)]
pub(crate) struct Action {
    pub(crate) action_type: ActionType,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) enum ActionType {
    InstanceStart,
    SendCtrlAltDel,
    FlushMetrics,
}

/// `PATCH /vm`.
#[derive(Debug, Serialize)]
pub(crate) struct Vm {
    pub(crate) state: VmState,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) enum VmState {
    Paused,
    Resumed,
}

/// `PUT /snapshot/create`.
#[derive(Debug, Serialize)]
pub(crate) struct SnapshotCreate<'a> {
    pub(crate) snapshot_type: SnapshotType,
    pub(crate) snapshot_path: &'a Path,
    pub(crate) mem_file_path: &'a Path,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) enum SnapshotType {
    Full,
}

/// `PUT /snapshot/load`.
#[derive(Debug, Serialize)]
pub(crate) struct SnapshotLoad<'a> {
    pub(crate) snapshot_path: &'a Path,
    pub(crate) mem_backend: MemBackend<'a>,
    pub(crate) resume_vm: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) network_overrides: Vec<NetworkOverride<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) vsock_override: Option<VsockOverride<'a>>,
}

#[derive(Debug, Serialize)]
pub(crate) struct MemBackend<'a> {
    pub(crate) backend_type: MemBackendType,
    pub(crate) backend_path: &'a Path,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(crate) enum MemBackendType {
    File,
    Uffd,
}

#[derive(Debug, Serialize)]
pub(crate) struct NetworkOverride<'a> {
    pub(crate) iface_id: &'a str,
    pub(crate) host_dev_name: &'a str,
}

#[derive(Debug, Serialize)]
pub(crate) struct VsockOverride<'a> {
    pub(crate) uds_path: &'a str,
}
