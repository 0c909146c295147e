//! Restoring: a new process takes over the state and the memory of an earlier one.

use std::path::Path;

use kindling_base::Result;

use super::VSOCK_SOCKET;
use super::api::Api;
use super::api::body::{
    DrivePath, MemBackend, MemBackendType, NetworkOverride, SnapshotLoad, Vm, VmState,
    VsockOverride,
};
use super::boot::{CARD, ROOT};
use super::version::{Feature, Version};
use crate::disk::RAW;
use crate::network::Network;
use crate::vm::spec::Spec;

/// The files of a saved machine, as Firecracker has to call them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Saved<'a> {
    pub(super) state: &'a Path,
    /// The memory file, or the socket of our page-fault handler.
    pub(super) memory: (MemBackendType, &'a Path),
    /// The VM's own disk.
    pub(super) disk: &'a Path,
}

/// Loads the snapshot and lets the guest's processors run.
///
/// # Errors
/// Firecracker refuses; its process ends then.
pub(super) async fn load(
    api: &mut Api,
    version: Version,
    spec: &Spec,
    saved: Saved<'_>,
) -> Result<()> {
    let network_overrides = match &spec.network {
        Some(Network::Tap { lease, .. }) => vec![NetworkOverride {
            iface_id: CARD,
            host_dev_name: &lease.tap,
        }],
        _ => Vec::new(),
    };
    let (backend_type, backend_path) = saved.memory;
    // The state names the disk as it was called where it was saved: [`RAW`], for whatever we boot. Elsewhere the guest
    // waits until it has its own; two requests more, of 1 to 3 ms each.
    let renamed = saved.disk != Path::new(RAW);
    let load = SnapshotLoad {
        snapshot_path: saved.state,
        mem_backend: MemBackend {
            backend_type,
            backend_path,
        },
        resume_vm: !renamed,
        network_overrides,
        // Older versions bind what the state says: ours says the same name in another working folder.
        vsock_override: version
            .has(Feature::VsockOverride)
            .then_some(VsockOverride {
                uds_path: VSOCK_SOCKET,
            }),
    };
    api.put_long("/snapshot/load", &load).await?;
    if !renamed {
        return Ok(());
    }
    let drive = DrivePath {
        drive_id: ROOT,
        path_on_host: saved.disk,
    };
    api.patch(&format!("/drives/{ROOT}"), &drive).await?;
    api.patch(
        "/vm",
        &Vm {
            state: VmState::Resumed,
        },
    )
    .await
}
