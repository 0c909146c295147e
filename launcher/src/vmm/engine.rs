//! The machine of whichever monitor a VM asks for.

use std::path::Path;

use kindling_base::Result;
use serde::{Deserialize, Serialize};
use tokio::net::UnixStream;

use super::child::Console;
use super::firecracker::{self, Firecracker};
use super::qemu::{self, Qemu};
use super::{Event, Machine};
use crate::spec::Spec;

/// A virtual machine monitor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Vmm {
    /// QEMU's `microvm` machine.
    #[default]
    Qemu,
    /// Firecracker.
    Firecracker,
}

impl Vmm {
    /// The name that people use.
    pub fn name(self) -> &'static str {
        match self {
            Vmm::Qemu => "qemu",
            Vmm::Firecracker => "firecracker",
        }
    }

    /// Its name as a proper noun.
    pub fn title(self) -> &'static str {
        match self {
            Vmm::Qemu => "QEMU",
            Vmm::Firecracker => "Firecracker",
        }
    }
}

/// A running machine.
#[derive(Debug)]
pub(crate) enum Engine {
    Qemu(Box<Qemu>),
    Firecracker(Box<Firecracker>),
}

/// Starts the machine of `spec` in the VM's `folder`; returns it and its serial console. To be called on the main
/// thread: the kernel kills the machine when the thread that started it ends.
///
/// # Errors
/// The monitor cannot be started or ends at once; the error has what it said.
pub(crate) async fn start(folder: &Path, spec: &Spec) -> Result<(Engine, Console)> {
    match spec.vmm {
        Vmm::Qemu => {
            let (machine, console) = qemu::start(folder, spec).await?;
            Ok((Engine::Qemu(Box::new(machine)), console))
        }
        Vmm::Firecracker => {
            let (machine, console) = firecracker::start(folder, spec).await?;
            Ok((Engine::Firecracker(Box::new(machine)), console))
        }
    }
}

macro_rules! each {
    ($engine:expr, $machine:ident => $call:expr) => {
        match $engine {
            Engine::Qemu($machine) => $call,
            Engine::Firecracker($machine) => $call,
        }
    };
}

impl Machine for Engine {
    fn pid(&self) -> Option<u32> {
        each!(self, machine => machine.pid())
    }

    async fn event(&mut self) -> Result<Event> {
        each!(self, machine => machine.event().await)
    }

    async fn press_power_button(&mut self) -> Result<()> {
        each!(self, machine => machine.press_power_button().await)
    }

    async fn quit(&mut self) -> Result<()> {
        each!(self, machine => machine.quit().await)
    }

    fn kill(&mut self) -> Result<()> {
        each!(self, machine => machine.kill())
    }

    fn take_agent(&mut self) -> Option<UnixStream> {
        each!(self, machine => machine.take_agent())
    }

    async fn pause(&mut self) -> Result<()> {
        each!(self, machine => machine.pause().await)
    }

    async fn unpause(&mut self) -> Result<()> {
        each!(self, machine => machine.unpause().await)
    }

    async fn settle(&mut self, into: &Path) -> Result<()> {
        each!(self, machine => machine.settle(into).await)
    }

    async fn save(&mut self, into: &Path) -> Result<()> {
        each!(self, machine => machine.save(into).await)
    }
}
