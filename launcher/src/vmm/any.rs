//! A machine of either monitor.

use std::path::Path;

use kindling_base::Result;
use tokio::net::UnixStream;

use super::child::Console;
use super::firecracker::{self, Firecracker};
use super::qemu::{self, Qemu};
use super::{Event, Machine, Vmm};
use crate::vm::spec::Spec;

/// A running machine.
#[derive(Debug)]
pub(crate) enum AnyMachine {
    Qemu(Box<Qemu>),
    Firecracker(Box<Firecracker>),
}

/// Starts the machine of `spec` in the VM's `folder`; returns it and its serial console. To be called on the main
/// thread: the kernel kills the machine when the thread that started it ends.
///
/// # Errors
/// The monitor cannot be started or ends at once; the error has what it said.
pub(crate) async fn start(folder: &Path, spec: &Spec) -> Result<(AnyMachine, Console)> {
    match spec.vmm {
        Vmm::Qemu => {
            let (machine, console) = qemu::start(folder, spec).await?;
            Ok((AnyMachine::Qemu(Box::new(machine)), console))
        }
        Vmm::Firecracker => {
            let (machine, console) = firecracker::start(folder, spec).await?;
            Ok((AnyMachine::Firecracker(Box::new(machine)), console))
        }
    }
}

macro_rules! each {
    ($any:expr, $machine:ident => $call:expr) => {
        match $any {
            AnyMachine::Qemu($machine) => $call,
            AnyMachine::Firecracker($machine) => $call,
        }
    };
}

impl Machine for AnyMachine {
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
