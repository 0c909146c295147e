//! Booting: the machine as the API wants it, part by part, and the order to start.

use std::path::Path;

use kindling_base::Result;

use super::VSOCK_SOCKET;
use super::api::Api;
use super::api::body::{
    Action, ActionType, BootSource, CacheType, Drive, Entropy, MachineConfig, NetworkInterface,
    Vsock,
};
use crate::network::Network;
use crate::vm::spec::Spec;

/// The root disk's name in the API.
pub(super) const ROOT: &str = "root";
/// The network card's name in the API; the guest calls it so, too.
pub(super) const CARD: &str = "eth0";

/// The guest's address on its vsock: the smallest that is not reserved (vsock(7)). Every VM has a socket of its own on
/// the host's side, so all may have the same.
const GUEST_CID: u32 = 3;

/// The files of a VM: relative to Firecracker's working folder, so that a snapshot names no place.
#[derive(Clone, Copy, Debug)]
pub(super) struct Files<'a> {
    pub(super) kernel: &'a Path,
    pub(super) initramfs: Option<&'a Path>,
    pub(super) disk: &'a Path,
}

/// Configures the machine.
///
/// # Errors
/// Firecracker refuses a part of it.
pub(super) async fn configure(api: &mut Api, spec: &Spec, files: Files<'_>) -> Result<()> {
    let machine = MachineConfig {
        vcpu_count: spec.vcpus,
        mem_size_mib: spec.memory_mib,
    };
    api.put("/machine-config", &machine).await?;
    let source = BootSource {
        kernel_image_path: files.kernel,
        initrd_path: files.initramfs,
        boot_args: &spec.cmdline,
    };
    api.put("/boot-source", &source).await?;
    let drive = Drive {
        drive_id: ROOT,
        path_on_host: files.disk,
        is_root_device: false,
        is_read_only: false,
        cache_type: CacheType::Writeback,
    };
    api.put(&format!("/drives/{ROOT}"), &drive).await?;
    if let Some(Network::Tap { lease, .. }) = &spec.network {
        let card = NetworkInterface {
            iface_id: CARD,
            host_dev_name: &lease.tap,
            guest_mac: lease.mac.to_string(),
        };
        api.put(&format!("/network-interfaces/{CARD}"), &card)
            .await?;
    }
    let vsock = Vsock {
        guest_cid: GUEST_CID,
        uds_path: VSOCK_SOCKET,
    };
    api.put("/vsock", &vsock).await?;
    api.put("/entropy", &Entropy {}).await
}

/// Starts the machine that was configured.
///
/// # Errors
/// Firecracker refuses: the kernel is not one, or KVM fails.
pub(super) async fn run(api: &mut Api) -> Result<()> {
    let start = Action {
        action_type: ActionType::InstanceStart,
    };
    api.put_long("/actions", &start).await
}
