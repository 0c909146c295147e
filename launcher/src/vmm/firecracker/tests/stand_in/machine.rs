//! The machine behind the stand-in and its answers to requests: the words and states of Firecracker 1.16.1,
//! seen by asking it.

use std::path::PathBuf;

use serde::de::DeserializeOwned;
use serde_json::json;

use super::body::{
    Action, ActionType, BootSource, Drive, DriveUpdate, Entropy, MachineConfig, NetworkInterface,
    OlderSnapshotLoad, SnapshotCreate, SnapshotLoad, Vm, VmState, Vsock,
};
use crate::vmm::firecracker::Version;

const BEFORE: &str = "The requested operation is not supported before starting the microVM.";
const AFTER: &str = "The requested operation is not supported after starting the microVM.";
const MISSING: &str = "No such file or directory (os error 2)";

/// The state of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Fresh,
    Running,
    Paused,
    /// A load failed: the process ends.
    Ended,
}

/// A stand-in for a machine.
pub(super) struct Machine {
    pub(super) folder: PathBuf,
    pub(super) version: Version,
    pub(super) state: State,
    kernel: bool,
    configured: bool,
    card: Option<String>,
}

/// A refusal's `fault_message`, or an answer's body.
type Answer = Result<Option<serde_json::Value>, String>;

impl Machine {
    pub(super) fn new(folder: PathBuf, version: Version) -> Self {
        Self {
            folder,
            version,
            state: State::Fresh,
            kernel: false,
            configured: false,
            card: None,
        }
    }

    pub(super) fn answer(&mut self, method: &str, path: &str, body: &[u8]) -> Answer {
        let (resource, id) = path[1..].split_once('/').unwrap_or((&path[1..], ""));
        match (method, resource, body.is_empty()) {
            ("GET", "version", true) => Ok(Some(json!({
                "firecracker_version": self.version.to_string()
            }))),
            ("PUT" | "PATCH", _, true) => Err(format!("Empty {method} request.")),
            ("PUT", "machine-config", _) => self.machine_config(&read(body)?),
            ("PUT", "boot-source", _) => self.boot_source(&read(body)?),
            ("PUT", "drives", _) => self.drive(id, &read(body)?),
            ("PATCH", "drives", _) => self.update_drive(&read(body)?),
            ("PUT", "network-interfaces", _) => self.network_interface(id, read(body)?),
            ("PUT", "vsock", _) => {
                let _: Vsock = read(body)?;
                self.configure()
            }
            ("PUT", "entropy", _) => {
                let _: Entropy = read(body)?;
                self.configure()
            }
            ("PUT", "actions", _) => self.action(&read(body)?),
            ("PATCH", "vm", _) => self.vm(&read(body)?),
            ("PUT", "snapshot", _) if id == "create" => self.create(&read(body)?),
            ("PUT", "snapshot", _) if id == "load" => {
                if self.version < Version::new(1, 16, 0) {
                    let _: OlderSnapshotLoad = read(body)?;
                }
                self.load(&read(body)?)
            }
            _ => Err(format!(
                "Invalid request method and/or path: {method} {}.",
                &path[1..]
            )),
        }
    }

    fn configure(&mut self) -> Answer {
        self.before_boot()?;
        self.configured = true;
        Ok(None)
    }

    fn before_boot(&self) -> Result<(), String> {
        (self.state == State::Fresh)
            .then_some(())
            .ok_or_else(|| AFTER.to_owned())
    }

    fn after_boot(&self) -> Result<(), String> {
        (self.state != State::Fresh)
            .then_some(())
            .ok_or_else(|| BEFORE.to_owned())
    }

    fn machine_config(&mut self, config: &MachineConfig) -> Answer {
        self.before_boot()?;
        if !(1..=32).contains(&config.vcpu_count) {
            return Err("Machine config error: The number of vCPUs must be greater than 0, less than 32 and must be 1 or an even number if SMT is enabled.".to_owned());
        }
        if config.mem_size_mib == 0 {
            return Err("Machine config error: The memory size (MiB) is either 0, or not a multiple of the configured page size.".to_owned());
        }
        self.configure()
    }

    fn boot_source(&mut self, source: &BootSource) -> Answer {
        self.before_boot()?;
        if !self.folder.join(&source.kernel_image_path).exists() {
            return Err(format!(
                "Boot source error: The kernel file cannot be opened: {MISSING}"
            ));
        }
        if source
            .initrd_path
            .as_ref()
            .is_some_and(|path| !self.folder.join(path).exists())
        {
            return Err(format!(
                "Boot source error: The initrd file cannot be opened due to invalid path or invalid permissions. {MISSING}"
            ));
        }
        self.kernel = true;
        self.configure()
    }

    fn drive(&mut self, id: &str, drive: &Drive) -> Answer {
        if id != drive.drive_id {
            return Err("The id from the path does not match the id from the body!".to_owned());
        }
        if self.state != State::Fresh {
            return Err("Device ID in use".to_owned());
        }
        let path = drive.path_on_host.clone().unwrap_or_default();
        if !self.folder.join(&path).exists() {
            return Err(format!(
                "Drive config error: Unable to create the virtio block device: Virtio backend error: Error manipulating the backing file: {MISSING} {}",
                path.display()
            ));
        }
        self.configure()
    }

    fn update_drive(&mut self, drive: &DriveUpdate) -> Answer {
        self.after_boot()?;
        if drive.drive_id != "root" {
            return Err("Drive config error: Unable to patch the block device: Failed perform action on device: Device not found Please verify the request arguments.".to_owned());
        }
        let path = drive.path_on_host.clone().unwrap_or_default();
        if self.folder.join(&path).exists() {
            return Ok(None);
        }
        Err(format!(
            "Drive config error: Unable to patch the block device: Block: Virtio backend error: Error manipulating the backing file: {MISSING} {} Please verify the request arguments.",
            path.display()
        ))
    }

    fn network_interface(&mut self, id: &str, card: NetworkInterface) -> Answer {
        if id != card.iface_id {
            return Err(format!(
                "The id from the path [{id}] does not match the id from the body [{}]!",
                card.iface_id
            ));
        }
        self.card = Some(card.iface_id);
        self.configure()
    }

    fn action(&mut self, action: &Action) -> Answer {
        match action.action_type {
            ActionType::InstanceStart => {
                self.before_boot()?;
                if !self.kernel {
                    return Err(
                        "Start microvm error: Cannot start microvm without kernel configuration."
                            .to_owned(),
                    );
                }
                self.state = State::Running;
                Ok(None)
            }
            ActionType::FlushMetrics | ActionType::SendCtrlAltDel => {
                self.after_boot().map(|()| None)
            }
        }
    }

    fn vm(&mut self, vm: &Vm) -> Answer {
        self.after_boot()?;
        self.state = match vm.state {
            VmState::Paused => State::Paused,
            VmState::Resumed => State::Running,
        };
        Ok(None)
    }

    fn create(&mut self, create: &SnapshotCreate) -> Answer {
        self.after_boot()?;
        if self.state == State::Running {
            return Err("Create snapshot error: Cannot save the microVM state: Operation not allowed: save/restore unavailable while running".to_owned());
        }
        let write = |path, bytes: &[u8]| std::fs::write(self.folder.join(path), bytes);
        if let Err(error) = write(&create.snapshot_path, b"state") {
            return Err(format!(
                "Create snapshot error: Cannot perform open on the snapshot backing file: {error}"
            ));
        }
        write(&create.mem_file_path, b"memory").unwrap();
        Ok(None)
    }

    fn load(&mut self, load: &SnapshotLoad) -> Answer {
        let Some(backend) = &load.mem_backend else {
            return Err("An error occurred when deserializing the json body of a request: missing field: either `mem_backend` or `mem_file_path` is required.".to_owned());
        };
        self.before_boot()?;
        if self.configured {
            return Err("Load snapshot error: Loading a microVM snapshot not allowed after configuring boot-specific resources.".to_owned());
        }
        self.state = State::Ended;
        let failed = |why: String| {
            Err(format!(
                "Load snapshot error: Failed to restore from snapshot: {why}"
            ))
        };
        if !self.folder.join(&load.snapshot_path).exists() {
            return failed(format!(
                "Failed to get snapshot state from file: Failed to open snapshot file: {MISSING}"
            ));
        }
        if load
            .network_overrides
            .iter()
            .any(|card| card.iface_id != "eth0")
        {
            return failed(
                "Failed to get snapshot state from file: Unknown Network Device.".to_owned(),
            );
        }
        if !self.folder.join(&backend.backend_path).exists() {
            return failed(format!(
                "Failed to load guest memory: Error creating guest memory from file: Failed to load guest memory: {MISSING}"
            ));
        }
        self.state = if load.resume_vm {
            State::Running
        } else {
            State::Paused
        };
        Ok(None)
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body).map_err(|error| {
        format!("An error occurred when deserializing the json body of a request: {error}.")
    })
}
