//! The choice of a virtual machine monitor and of an accelerator.

use std::path::{Path, PathBuf};

use kindling_base::{Error, Event, Reporter, Result};

use crate::host::accel::{self, Accelerator, Wanted};
use crate::host::kvm::KvmState;
use crate::host::kvm_note::KvmNote;
use crate::network::{self, Mode};
use crate::vmm::firecracker::{self, Fill, Jail, Settings, Transport};
use crate::vmm::{Vmm, qemu as qemu_monitor};

/// The monitor that the user asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[cfg_attr(feature = "clap", derive(clap::ValueEnum))]
pub enum Monitor {
    /// Firecracker where it is installed, KVM is hardware and it has the wanted network, else QEMU.
    #[default]
    Auto,
    /// Firecracker.
    Firecracker,
    /// QEMU's `microvm` machine.
    Qemu,
}

/// The user's wishes about the monitor; unset fields use the defaults.
#[derive(Clone, Debug, Default)]
pub struct EngineOptions {
    /// The monitor.
    pub monitor: Monitor,
    /// The accelerator.
    pub accelerator: Wanted,
    /// Firecracker's program.
    pub firecracker: Option<PathBuf>,
    /// The transport of Firecracker's devices.
    pub transport: Transport,
    /// Whether Firecracker measures the boot.
    pub boot_timer: bool,
    /// The user and the group of a jail for Firecracker.
    pub jail: Option<(u32, u32)>,
}

/// A monitor that can run a VM here.
#[derive(Clone, Debug)]
pub(crate) struct Choice {
    pub(crate) accelerator: Accelerator,
    /// The settings of Firecracker; `None` means QEMU.
    pub(crate) firecracker: Option<Settings>,
    /// The reason, for a person.
    pub(crate) why: String,
    /// A warning about what may go wrong all the same.
    pub(crate) warning: Option<String>,
}

/// The network that the monitor has to offer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Needs {
    /// The network as asked for.
    pub(crate) network: Mode,
    /// Whether ports are published.
    pub(crate) publishes: bool,
}

impl Choice {
    pub(crate) fn vmm(&self) -> Vmm {
        match self.firecracker {
            Some(_) => Vmm::Firecracker,
            None => Vmm::Qemu,
        }
    }

    /// Reports the choice, and installs QEMU if that is chosen and missing.
    ///
    /// # Errors
    /// QEMU is missing and may not be installed, or apt failed.
    pub(crate) fn make_ready(&self, no_install: bool, reporter: &dyn Reporter) -> Result<()> {
        reporter.report(Event::Note(self.why.clone()));
        if let Some(warning) = &self.warning {
            reporter.report(Event::Warning(warning.clone()));
        }
        match self.vmm() {
            Vmm::Qemu => qemu_monitor::ensure(!no_install, reporter),
            Vmm::Firecracker => Ok(()),
        }
    }
}

/// Chooses a monitor that can run the VM here.
///
/// # Errors
/// This host cannot give what was asked for.
pub(crate) async fn choose(
    options: &EngineOptions,
    needs: Needs,
    kvm: KvmNote<'_>,
) -> Result<Choice> {
    match options.monitor {
        Monitor::Qemu => qemu(options, kvm).await,
        Monitor::Firecracker => firecracker(options, kvm).await,
        Monitor::Auto if options.jail.is_some() => Err(Error::user("only Firecracker has a jail")
            .hint("add --vmm firecracker, or leave out --jail")),
        Monitor::Auto => auto(options, needs, kvm).await,
    }
}

async fn qemu(options: &EngineOptions, kvm: KvmNote<'_>) -> Result<Choice> {
    if options.jail.is_some() {
        return Err(Error::user("QEMU has no jail").hint("use --vmm firecracker with --jail"));
    }
    let (accelerator, why) = accel::choose(options.accelerator, kvm).await?;
    Ok(Choice {
        accelerator,
        firecracker: None,
        why: format!("accelerator: {accelerator} ({why})"),
        warning: None,
    })
}

async fn firecracker(options: &EngineOptions, kvm: KvmNote<'_>) -> Result<Choice> {
    let binary = firecracker::find(options.firecracker.as_deref())?;
    if options.accelerator == Wanted::Tcg {
        return Err(Error::user("Firecracker runs on KVM only")
            .hint("leave out --accel tcg, or use --vmm qemu"));
    }
    let found = kvm.look().await;
    let warning = match &found {
        KvmState::Missing | KvmState::Forbidden => return Err(accel::refused(&found)),
        found if found.is_hardware() => None,
        found => Some(format!("{found}; Linux may not come up on it")),
    };
    let settings = settings(options, &binary.path)?;
    Ok(Choice {
        accelerator: Accelerator::Kvm,
        firecracker: Some(settings),
        why: format!("Firecracker {} (as asked)", binary.version),
        warning,
    })
}

async fn auto(options: &EngineOptions, needs: Needs, kvm: KvmNote<'_>) -> Result<Choice> {
    let mut qemu = qemu(options, kvm).await?;
    let named = options.firecracker.is_some();
    let obstacle = if qemu.accelerator == Accelerator::Tcg {
        Some("KVM is not what runs guests here".to_owned())
    } else {
        network_obstacle(needs)
    };
    let found = match (
        firecracker::locate(options.firecracker.as_deref()),
        obstacle,
    ) {
        (None, _) => return Ok(qemu),
        (Some(_), Some(obstacle)) => {
            if named {
                qemu.warning = Some(format!("QEMU runs it and not Firecracker: {obstacle}"));
            }
            return Ok(qemu);
        }
        (Some(_), None) => firecracker::find(options.firecracker.as_deref()),
    };
    match found {
        Ok(binary) => Ok(Choice {
            accelerator: Accelerator::Kvm,
            firecracker: Some(settings(options, &binary.path)?),
            why: format!("Firecracker {} ({})", binary.version, qemu.why),
            warning: None,
        }),
        Err(error) => {
            qemu.warning = Some(format!("QEMU runs it and not Firecracker: {error}"));
            Ok(qemu)
        }
    }
}

/// The reason for which Firecracker cannot give the VM its network; `None` if it can.
fn network_obstacle(needs: Needs) -> Option<String> {
    match needs.network {
        _ if needs.publishes => Some("it publishes no ports".to_owned()),
        Mode::None => None,
        Mode::User => Some("it has no user-mode network".to_owned()),
        Mode::Auto | Mode::Tap => network::obstacle(),
    }
}

fn settings(options: &EngineOptions, program: &Path) -> Result<Settings> {
    let jail = match options.jail {
        None => None,
        Some((uid, gid)) => Some(Jail {
            program: firecracker::jailer(program)?.path,
            uid,
            gid,
        }),
    };
    Ok(Settings {
        program: program.to_owned(),
        transport: options.transport,
        boot_timer: options.boot_timer,
        memory: Fill::default(),
        jail,
    })
}
