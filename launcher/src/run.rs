//! From a bundle to a VM that is ready to be started.

use std::path::{Path, PathBuf};

use kindling_base::{Context, Error, Event, Reporter, Result};
use kindling_bundle::{Artifact, Manifest};

use crate::accel::{self, Accelerator, Wanted};
use crate::cmdline::{self, Parts};
use crate::config::Config;
use crate::host::Memory;
use crate::network::{self, Leases, Mode, Network, NetworkConfig, UserNetwork};
use crate::publish::Publish;
use crate::spec::{Source, Spec};
use crate::state::{OwnedVm, StateFolder, Vm};
use crate::vmm::qemu;
use crate::{bundle, disk, tsc};

/// What a user asks for; what is `None` is as the bundle says.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// A recipe's name or a bundle's folder.
    pub bundle: String,
    /// Where bundles are.
    pub out: Option<PathBuf>,
    /// The VM's name.
    pub name: Option<String>,
    /// The accelerator.
    pub accelerator: Wanted,
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
/// Anything that the user asked for cannot be had; nothing has been started and nothing is left behind.
pub async fn prepare(
    state: &StateFolder,
    options: &Options,
    program: &Path,
    reporter: &dyn Reporter,
) -> Result<OwnedVm> {
    qemu::ensure(!options.no_install, reporter)?;
    state.sweep()?;
    let here = std::env::current_dir().context("cannot find the current folder")?;
    let folder = bundle::find(&options.bundle, options.out.as_deref(), &here)?;
    let manifest = kindling_bundle::load(&folder)?;
    check_options(options, &manifest)?;
    kindling_bundle::verify(&folder, &manifest)?;
    if let Some(key) = &options.signed_with {
        kindling_bundle::verify_signature(&folder, key)?;
    }
    let (accelerator, why) = accel::choose(options.accelerator, program).await?;
    reporter.report(Event::Note(format!("accelerator: {accelerator} ({why})")));
    let mut mode = settle_network(options, &manifest, reporter)?;
    let host = match mode {
        Mode::Tap => match network_on_the_host(options, reporter).await {
            Ok(host) => Some(host),
            // Nobody asked for a bridge in particular: a guest with less of a network is better than none.
            Err(error) if options.network == Mode::Auto => {
                let problem = format!("{error}; the guest gets a user-mode network");
                reporter.report(Event::Warning(problem));
                mode = Mode::User;
                None
            }
            Err(error) => return Err(error),
        },
        _ => None,
    };
    let mut taken = None;
    let made = state.create(
        options.name.as_deref(),
        &manifest.name,
        |own, name, others| {
            check_ports(&options.publish, others)?;
            let network = match &host {
                Some((config, leases)) => {
                    let lease = leases.take(config, &state.folder(name))?;
                    taken = Some((leases, lease.clone()));
                    Some(Network::Tap {
                        lease,
                        leases: leases.clone(),
                        config: Box::new(config.clone()),
                    })
                }
                None => (mode == Mode::User).then(|| {
                    let publish = options.publish.clone();
                    Network::User(UserNetwork { publish })
                }),
            };
            let spec = spec(options, &manifest, &folder, own, name, accelerator, network)?;
            check_unchanged(&folder, &manifest)?;
            Ok(spec)
        },
    );
    if made.is_err()
        && let Some((leases, lease)) = taken
    {
        leases.give_back(&lease)?;
    }
    made
}

/// Which network the VM gets; says so where it was our choice.
fn settle_network(options: &Options, manifest: &Manifest, reporter: &dyn Reporter) -> Result<Mode> {
    let wanted = if manifest.machine.network {
        options.network
    } else {
        Mode::None
    };
    let (mode, why) = wanted.settle(&options.publish)?;
    if wanted == Mode::Auto {
        let name = mode.name();
        reporter.report(Event::Note(format!("network: {name} ({why})")));
    }
    Ok(mode)
}

/// The network as configured, with what it needs installed and what crashed VMs left on it cleared away.
async fn network_on_the_host(
    options: &Options,
    reporter: &dyn Reporter,
) -> Result<(NetworkConfig, Leases)> {
    let config = Config::of_this_user()?.network;
    config.check()?;
    network::ensure(!options.no_install, reporter)?;
    let leases = Leases::open(&config.bridge)?;
    network::reconcile(&config, &leases).await?;
    network::prepare(&config, &leases).await?;
    Ok((config, leases))
}

fn check_options(options: &Options, manifest: &Manifest) -> Result<()> {
    Memory::read()?.check(options.memory_mib.unwrap_or(manifest.machine.memory_mib))?;
    for (at, publish) in options.publish.iter().enumerate() {
        if options.publish[..at].iter().any(|p| p.collides(publish)) {
            return Err(
                Error::user(format!("port {} is published twice", publish.host))
                    .hint("publish each port of the host once"),
            );
        }
    }
    Ok(())
}

fn check_ports(wanted: &[Publish], others: &[Vm]) -> Result<()> {
    wanted.iter().try_for_each(|publish| {
        publish.check_free(|| {
            let holds = |vm: &&Vm| {
                let network = vm.spec.network.as_ref();
                let taken =
                    network.is_some_and(|n| n.publish().iter().any(|p| p.collides(publish)));
                vm.status.state.is_live() && taken
            };
            others.iter().find(holds).map(|vm| vm.spec.name.clone())
        })
    })
}

/// Fills the VM's folder `own` with what it takes from the bundle in `folder`.
fn spec(
    options: &Options,
    manifest: &Manifest,
    folder: &Path,
    own: &Path,
    name: &str,
    accelerator: Accelerator,
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
        accelerator,
        vcpus: options.vcpus.unwrap_or(manifest.machine.vcpus),
        memory_mib: options.memory_mib.unwrap_or(manifest.machine.memory_mib),
        kernel: take(&manifest.kernel.artifact),
        initramfs: initramfs.map(take),
        disk: disk::create(own, folder, &manifest.rootfs.artifact)?,
        cmdline: cmdline::compose(&Parts {
            accelerator: &accelerator_arguments(accelerator),
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
