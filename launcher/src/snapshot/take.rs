//! Taking a snapshot of a running VM.

use kindling_base::{Context, Error, Result, files};

use super::manifest::{self, SCHEMA, SnapshotManifest};
use super::save::Saved;
use super::{Engine, Snapshot, Snapshots, bundled};
use crate::disk;
use crate::vm::control::{self, Request};
use crate::vm::status::State;
use crate::vm::{StateFolder, Vm};

/// The place in which a snapshot is kept.
#[derive(Clone, Copy, Debug)]
pub enum Keep<'a> {
    /// Under this name, or the VM's where none is given.
    As(Option<&'a str>),
    /// With the bundle that the VM was made from, instead of an earlier one of this engine and version.
    WithBundle,
}

/// Saves the VM `vm_name`, which goes on.
///
/// # Errors
/// The VM is not ready, the name is taken, or the machine cannot be saved; no half of a snapshot is left.
pub async fn take(state: &StateFolder, vm_name: &str, keep: Keep<'_>) -> Result<Snapshot> {
    let vm = state.find(vm_name)?;
    check_ready(&vm)?;
    let engine = Engine::of(&vm.spec, None)?;
    let (snapshots, name) = match keep {
        Keep::As(name) => {
            let snapshots = Snapshots::open(state)?;
            let name = snapshots.free_name(name, vm_name)?;
            (snapshots, name)
        }
        Keep::WithBundle => {
            let home = bundled::home(&vm.spec.bundle)?;
            (Snapshots::of_bundle(&home)?, bundled::name(&engine))
        }
    };
    let staging = snapshots.stage()?;
    let request = Request::Save {
        into: staging.path().to_owned(),
    };
    let saved: Saved = control::call(vm_name, &vm.folder, &request).await?;
    let mut spec = vm.spec;
    spec.disk = saved.disk;
    spec.kernel = disk::link_anew(&spec.kernel, &vm.folder, staging.path());
    let initramfs = spec.initramfs.as_deref();
    spec.initramfs = initramfs.map(|file| disk::link_anew(file, &vm.folder, staging.path()));
    let manifest = SnapshotManifest {
        schema: SCHEMA,
        saved_at_ms: saved.at_ms,
        paused_ms: saved.paused_ms,
        engine,
        files: manifest::list_files(staging.path(), &spec.disk.file)?,
        spec,
    };
    for saved in &manifest.files {
        let path = staging.path().join(&saved.file);
        let file = files::open(&path)?;
        file.sync_all()
            .context(format!("cannot sync {}", path.display()))?;
    }
    if matches!(keep, Keep::WithBundle) && snapshots.find(&name).is_ok() {
        snapshots.remove(&name)?;
    }
    snapshots.publish(staging, &name, manifest)
}

fn check_ready(vm: &Vm) -> Result<()> {
    if vm.status.state == State::Ready {
        return Ok(());
    }
    let (name, state) = (&vm.spec.name, vm.status.state.name());
    Err(Error::user(format!(
        "`{name}` is {state}: only a VM that is ready can be saved"
    ))
    .hint("`kindling ps` lists all VMs"))
}
