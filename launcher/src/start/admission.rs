//! The admission of new VMs to the host: within the limits, with a network and a lease. A VM that is not made in the end
//! gives its lease back.

use std::cell::RefCell;
use std::path::Path;

use kindling_base::{Error, Event, Reporter, Result};

use super::limits::{Limits, Size};
use crate::config;
use crate::network::{self, Leases, Mode, Network, NetworkConfig, Publish, UserNetwork};
use crate::vm::spec::Spec;
use crate::vm::{OwnedVm, StateFolder, Vm};
use crate::vmm::Vmm;

/// The wish of new VMs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Wish<'a> {
    /// The kind of network.
    pub(crate) mode: Mode,
    /// The monitor.
    pub(crate) vmm: Vmm,
    /// Ports to publish.
    pub(crate) publish: &'a [Publish],
    /// The share of the host that each VM takes.
    pub(crate) size: Size,
    /// Never install host packages.
    pub(crate) no_install: bool,
}

/// The admission of new VMs: what the host grants them.
#[derive(Debug)]
pub(crate) struct Admission<'a> {
    kind: Kind,
    publish: &'a [Publish],
    size: Size,
    limits: Limits,
}

#[derive(Debug)]
enum Kind {
    Tap(Box<NetworkConfig>, Leases),
    User,
    None,
}

impl<'a> Admission<'a> {
    /// Settles which network the VMs get, and reports it where that was our choice. Makes the bridge ready for a network
    /// with TAPs.
    ///
    /// # Errors
    /// This host cannot give what is asked for.
    pub(crate) async fn settle(wish: &Wish<'a>, reporter: &dyn Reporter) -> Result<Self> {
        check_published_once(wish.publish)?;
        let (mode, why) = wish.mode.settle(wish.publish)?;
        if mode == Mode::User && wish.vmm == Vmm::Firecracker {
            let problem =
                "Firecracker has no user-mode network, and that is what this VM would get";
            return Err(Error::user(format!("{problem} ({why})"))
                .hint("use --network tap as root, --network none, or --vmm qemu"));
        }
        if wish.mode == Mode::Auto {
            let name = mode.name();
            reporter.report(Event::Note(format!("network: {name} ({why})")));
        }
        let kind = match mode {
            Mode::Tap => match on_the_host(wish.no_install, reporter).await {
                Ok((config, leases)) => Kind::Tap(Box::new(config), leases),
                // Nobody asked for a bridge in particular: a guest with less of a network is better than none.
                Err(error) if wish.mode == Mode::Auto && wish.vmm == Vmm::Qemu => {
                    let problem = format!("{error}; the guest gets a user-mode network");
                    reporter.report(Event::Warning(problem));
                    Kind::User
                }
                Err(error) => return Err(error),
            },
            Mode::User => Kind::User,
            _ => Kind::None,
        };
        Ok(Self {
            kind,
            publish: wish.publish,
            size: wish.size,
            limits: config::limits()?,
        })
    }

    /// Makes a VM that is admitted so; see [`StateFolder::create`].
    ///
    /// # Errors
    /// As [`StateFolder::create`]; or a port is taken, or every address.
    pub(crate) fn create(
        &self,
        state: &StateFolder,
        name: Option<&str>,
        stem: &str,
        make: impl FnOnce(&Path, &str, Option<Network>) -> Result<Spec>,
    ) -> Result<OwnedVm> {
        let taken = RefCell::new(None);
        let made = state.create(name, stem, |own, name, others| {
            self.limits.check(state, others, self.size)?;
            check_ports(self.publish, others)?;
            let network = self.network(&state.folder(name))?;
            if let Some(Network::Tap { lease, leases, .. }) = &network {
                taken.replace(Some((lease.clone(), leases.clone())));
            }
            make(own, name, network)
        });
        if made.is_err()
            && let Some((lease, leases)) = taken.take()
        {
            leases.give_back(&lease)?;
        }
        made
    }

    fn network(&self, vm: &Path) -> Result<Option<Network>> {
        Ok(match &self.kind {
            Kind::Tap(config, leases) => Some(Network::Tap {
                lease: leases.take(config, vm)?,
                leases: leases.clone(),
                config: config.clone(),
            }),
            Kind::User => Some(Network::User(UserNetwork {
                publish: self.publish.to_vec(),
            })),
            Kind::None => None,
        })
    }
}

/// The network as configured, with what it needs installed and what crashed VMs left on it cleared away.
async fn on_the_host(no_install: bool, reporter: &dyn Reporter) -> Result<(NetworkConfig, Leases)> {
    let config = config::network()?;
    config.check()?;
    network::ensure(!no_install, reporter)?;
    let leases = Leases::open(&config.bridge)?;
    network::reconcile(&config, &leases).await?;
    network::prepare(&config, &leases).await?;
    Ok((config, leases))
}

fn check_published_once(wanted: &[Publish]) -> Result<()> {
    for (at, publish) in wanted.iter().enumerate() {
        if wanted[..at].iter().any(|p| p.collides(publish)) {
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
