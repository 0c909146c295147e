//! Making a VM from a bundle, ready to be started.

use std::path::{Path, PathBuf};

use kindling_base::{Context, Error, Reporter, Result};
use kindling_bundle::{Artifact, Manifest};

use super::admission::{Admission, Wish};
use super::choose::{self, Choice, EngineOptions, Needs};
use super::cmdline::{self, Parts};
use super::limits::Size;
use super::{bundle, verified};
use crate::disk;
use crate::host::accel::Accelerator;
use crate::host::kvm_note::KvmNote;
use crate::host::{Memory, tsc};
use crate::network::{Mode, Network, Publish};
use crate::vm::spec::{Source, Spec};
use crate::vm::{OwnedVm, StateFolder};
use crate::vmm::Vmm;

/// The options of a new VM; unset fields use what the bundle says.
#[derive(Clone, Debug, Default)]
pub struct RunOptions {
    /// A recipe's name or a bundle's folder.
    pub bundle: String,
    /// The folder of bundles.
    pub out: Option<PathBuf>,
    /// The VM's name.
    pub name: Option<String>,
    /// The monitor and the accelerator.
    pub engine: EngineOptions,
    /// Virtual processors.
    pub vcpus: Option<u32>,
    /// Memory in MiB.
    pub memory_mib: Option<u32>,
    /// Ports to publish.
    pub publish: Vec<Publish>,
    /// The network card.
    pub network: Mode,
    /// More kernel arguments.
    pub append: String,
    /// Boot the root disk without the initramfs.
    pub no_initramfs: bool,
    /// Seconds after which a guest that is not ready has failed.
    pub timeout_s: Option<u32>,
    /// Remove the VM when it has stopped well.
    pub remove: bool,
    /// The public key that the bundle has to be signed with.
    pub signed_with: Option<String>,
    /// Never install host packages.
    pub no_install: bool,
}

/// Verifies the bundle and makes a VM of it, ready to be started. `program` is our own binary.
///
/// # Errors
/// This host cannot give something that the user asked for. Nothing has been started and nothing is left behind.
pub async fn prepare(
    state: &StateFolder,
    options: &RunOptions,
    program: &Path,
    reporter: &dyn Reporter,
) -> Result<OwnedVm> {
    state.sweep()?;
    let here = std::env::current_dir().context("cannot find the current folder")?;
    let folder = bundle::find(&options.bundle, options.out.as_deref(), &here)?;
    let manifest = kindling_bundle::load(&folder)?;
    let size = Size {
        memory_mib: options.memory_mib.unwrap_or(manifest.machine.memory_mib),
        vcpus: options.vcpus.unwrap_or(manifest.machine.vcpus),
    };
    Memory::read()?.check(size.memory_mib)?;
    match &options.signed_with {
        Some(key) => {
            kindling_bundle::verify(&folder, &manifest)?; // whoever asks for a proof gets all of it
            kindling_bundle::verify_signature(&folder, key)?;
        }
        None => verified::verify(state.root(), &folder, &manifest)?,
    }
    let kvm = KvmNote {
        program,
        state: state.root(),
    };
    let mode = mode(options, &manifest);
    let needs = Needs {
        network: mode,
        publishes: !options.publish.is_empty(),
    };
    let choice = choose::choose(&options.engine, needs, kvm).await?;
    choice.make_ready(options.no_install, reporter)?;
    let admission = Admission::settle(
        &Wish {
            mode,
            vmm: choice.vmm(),
            publish: &options.publish,
            size,
            no_install: options.no_install,
        },
        reporter,
    )
    .await?;
    admission.create(
        state,
        options.name.as_deref(),
        &manifest.name,
        |own, name, network| {
            let spec = spec(options, &manifest, &folder, own, name, &choice, network)?;
            check_unchanged(&folder, &manifest)?;
            Ok(spec)
        },
    )
}

/// The network card that is asked for.
fn mode(options: &RunOptions, manifest: &Manifest) -> Mode {
    if manifest.machine.network {
        options.network
    } else {
        Mode::None
    }
}

/// Fills the VM's folder `own` with what it takes from the bundle in `folder`.
fn spec(
    options: &RunOptions,
    manifest: &Manifest,
    folder: &Path,
    own: &Path,
    name: &str,
    choice: &Choice,
    network: Option<Network>,
) -> Result<Spec> {
    let initramfs = manifest
        .initramfs
        .as_ref()
        .filter(|_| !options.no_initramfs);
    let take = |artifact: &Artifact| disk::link(&folder.join(&artifact.file), own, &artifact.file);
    Ok(Spec {
        name: name.to_owned(),
        bundle: Source {
            name: manifest.name.clone(),
            key: manifest.key.clone(),
            folder: folder.to_owned(),
        },
        vmm: choice.vmm(),
        firecracker: choice.firecracker.clone(),
        accelerator: choice.accelerator,
        vcpus: options.vcpus.unwrap_or(manifest.machine.vcpus),
        memory_mib: options.memory_mib.unwrap_or(manifest.machine.memory_mib),
        kernel: take(&manifest.kernel.artifact),
        initramfs: initramfs.map(take),
        disk: match choice.vmm() {
            Vmm::Qemu => disk::create(own, folder, &manifest.rootfs.artifact)?,
            Vmm::Firecracker => disk::create_raw(own, folder, &manifest.rootfs.artifact)?,
        },
        cmdline: cmdline::compose(&Parts {
            accelerator: &accelerator_arguments(choice.accelerator),
            bundle: &manifest.cmdline,
            initramfs: initramfs.is_some(),
            network: network.as_ref(),
            name,
            append: &options.append,
        })?,
        network,
        agent: manifest.agent,
        marker: manifest.ready.marker.clone(),
        timeout_s: options.timeout_s.unwrap_or(manifest.ready.timeout_s),
        resume_from: None,
        remove: options.remove,
    })
}

/// Refuses a bundle that was built anew after it was verified: the VM would have files of both.
fn check_unchanged(folder: &Path, verified: &Manifest) -> Result<()> {
    if kindling_bundle::load(folder)? == *verified {
        return Ok(());
    }
    Err(Error::user(format!(
        "{} was built anew in this moment",
        folder.display()
    ))
    .hint("run the command again"))
}

/// Kernel arguments that a guest needs on this accelerator.
fn accelerator_arguments(accelerator: Accelerator) -> String {
    match accelerator {
        Accelerator::Kvm => String::new(),
        Accelerator::Tcg => tsc::kernel_arguments(),
    }
}
