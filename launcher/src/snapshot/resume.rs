//! Making VMs that go on from a snapshot.

use std::path::{Path, PathBuf};

use kindling_base::{Context, Error, Event, Reporter, Result};

use super::{Engine, Snapshot, Snapshots, bundled};
use crate::disk;
use crate::host::Memory;
use crate::network::{Mode, Network, Publish};
use crate::start::admission::{Admission, Wish};
use crate::start::bundle;
use crate::start::limits::Size;
use crate::vm::spec::Spec;
use crate::vm::{OwnedVm, StateFolder};
use crate::vmm::Vmm;
use crate::vmm::firecracker::{Fill, Settings};

/// The options of VMs that go on from a snapshot; unset fields use what the snapshot says.
#[derive(Clone, Debug, Default)]
pub struct ResumeOptions {
    /// The snapshot's name, or that of a bundle which carries one.
    pub snapshot: String,
    /// The folder of bundles.
    pub out: Option<PathBuf>,
    /// The VMs' name; with more than one VM, a number is added.
    pub name: Option<String>,
    /// The number of VMs.
    pub count: u32,
    /// Ports to publish.
    pub publish: Vec<Publish>,
    /// The network card; `None` is the kind that the saved VM had.
    pub network: Option<Mode>,
    /// The way in which Firecracker fills the guest's memory.
    pub memory: Option<Fill>,
    /// Go on even if the snapshot was taken with another engine or host.
    pub force: bool,
    /// Compare every byte of the snapshot with its manifest first.
    pub verify: bool,
    /// Remove the VMs when they have stopped well.
    pub remove: bool,
}

/// Makes VMs of a snapshot, ready to be started.
///
/// # Errors
/// The snapshot is damaged or of another engine or host, or what the user asked for cannot be had; nothing has been
/// started and nothing is left behind.
pub async fn resume(
    state: &StateFolder,
    options: &ResumeOptions,
    reporter: &dyn Reporter,
) -> Result<Vec<OwnedVm>> {
    if options.count > 1 && !options.publish.is_empty() {
        return Err(Error::user("a port can be published for one VM only")
            .hint("leave out --publish or --count, or use --network tap: each VM has an address of its own"));
    }
    state.sweep()?;
    let (snapshot, stem) = find(state, options)?;
    check_host(&snapshot, options.force, reporter)?;
    snapshot.manifest.verify(&snapshot.folder, options.verify)?;
    let saved = &snapshot.manifest.spec;
    Memory::read()?.check(saved.memory_mib)?;
    let admission = Admission::settle(
        &Wish {
            mode: mode(saved, options)?,
            vmm: saved.vmm,
            publish: &options.publish,
            size: Size {
                memory_mib: saved.memory_mib,
                vcpus: saved.vcpus,
            },
            no_install: true, // whoever took the snapshot had what it needs
        },
        reporter,
    )
    .await?;
    let mut made = Vec::new();
    for number in 1..=options.count {
        let name = options.name.as_ref().map(|name| match options.count {
            1 => name.clone(),
            _ => format!("{name}-{number}"),
        });
        let vm = admission.create(state, name.as_deref(), &stem, |own, name, network| {
            spec(&snapshot, options, own, name, network)
        });
        match vm {
            Ok(vm) => made.push(vm),
            Err(error) => {
                for owned in &made {
                    state.remove_owned(owned)?; // their leases are free as soon as this process has ended
                }
                return Err(error);
            }
        }
    }
    Ok(made)
}

/// The snapshot of this name, else the one that the bundle of this name carries; and what its VMs are called.
fn find(state: &StateFolder, options: &ResumeOptions) -> Result<(Snapshot, String)> {
    let here = std::env::current_dir().context("cannot find the current folder")?;
    let (name, out) = (&options.snapshot, options.out.as_deref());
    match Snapshots::open(state)?.find(name) {
        Err(unknown) => match bundle::find(name, out, &here) {
            Ok(_) => {
                let snapshot = bundled::find(name, out, &here)?;
                let stem = snapshot.manifest.spec.bundle.name.clone();
                Ok((snapshot, stem))
            }
            Err(_) => Err(unknown),
        },
        Ok(snapshot) => {
            let stem = snapshot.manifest.spec.name.clone();
            Ok((snapshot, stem))
        }
    }
}

/// Refuses a snapshot that this host cannot go on from.
fn check_host(snapshot: &Snapshot, force: bool, reporter: &dyn Reporter) -> Result<()> {
    let theirs = &snapshot.manifest.engine;
    let here = Engine::of(&snapshot.manifest.spec, Some(theirs))?;
    let differences = theirs.differences(&here);
    let Some([field, _, _]) = differences.first() else {
        return Ok(());
    };
    let name = &snapshot.name;
    let problem = format!("the snapshot `{name}` was taken elsewhere: `{field}` differs");
    if force {
        reporter.report(Event::Warning(format!("{problem}; going on as asked")));
        return Ok(());
    }
    let mut error = Error::user(problem);
    for [field, theirs, ours] in &differences {
        error = error
            .note(format!("{field} of the snapshot: {theirs}"))
            .note(format!("{field} here:            {ours}"));
    }
    Err(error
        .hint("take the snapshot again here; --force tries all the same, and the guest may crash"))
}

/// The network that the VMs get.
fn mode(saved: &Spec, options: &ResumeOptions) -> Result<Mode> {
    let had = match &saved.network {
        None => Mode::None,
        Some(Network::User(_)) => Mode::User,
        Some(Network::Tap { .. }) => Mode::Tap,
    };
    let wanted = options.network.unwrap_or(had);
    if (had == Mode::None) != (wanted == Mode::None) {
        let problem = "a saved machine has the network card that it had, or none if it had none";
        return Err(Error::user(problem)
            .note(format!("saved with --network {}", had.name()))
            .hint("leave out --network"));
    }
    Ok(wanted)
}

/// Fills the VM's folder `own` with what it takes from the snapshot.
fn spec(
    snapshot: &Snapshot,
    options: &ResumeOptions,
    own: &Path,
    name: &str,
    network: Option<Network>,
) -> Result<Spec> {
    let saved = &snapshot.manifest.spec;
    let from = &snapshot.folder;
    let sha256 = snapshot.manifest.sha256(&saved.disk.file);
    let sha256 = sha256.ok_or_else(|| {
        let problem = format!("the snapshot `{}` lists no disk", snapshot.name);
        Error::user(problem).hint("take the snapshot again")
    })?;
    Ok(Spec {
        name: name.to_owned(),
        kernel: disk::link_anew(&saved.kernel, from, own),
        initramfs: saved
            .initramfs
            .as_deref()
            .map(|file| disk::link_anew(file, from, own)),
        disk: match saved.vmm {
            Vmm::Qemu => disk::resume(own, &saved.disk, from, sha256)?,
            Vmm::Firecracker => disk::resume_raw(own, &saved.disk, from)?,
        },
        firecracker: saved.firecracker.clone().map(|settings| Settings {
            memory: options.memory.unwrap_or(settings.memory),
            ..settings
        }),
        network,
        resume_from: Some(from.clone()),
        remove: options.remove,
        ..saved.clone()
    })
}
