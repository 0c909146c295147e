//! The supervisor: starts a VM's machine, follows it to its end and writes down what becomes of it.

mod course;
pub(crate) mod detach;
mod requests;
mod signals;
mod stopping;
mod visitors;

use std::time::{Duration, Instant};

use kindling_base::{Failure, Result};

use crate::network::{self, Network};
use crate::vm::status::{Ending, StopStep, now_ms};
use crate::vm::{OwnedVm, Vm, control};
use crate::vmm::Machine;
use crate::vmm::any::{self, AnyMachine};
use crate::vmm::child::Console;

use course::Course;
use signals::Signals;

/// The time that a guest has to power itself off unless the user says otherwise. A systemd on TCG takes 3 to 10 s.
pub const STOP_GRACE: Duration = Duration::from_secs(30);

/// An event that a supervisor reports as it happens.
#[derive(Debug)]
pub enum Report<'a> {
    /// Bytes of the serial console.
    Console(&'a [u8]),
    /// The guest is ready.
    Ready(&'a Vm),
    /// The machine is being stopped by this step.
    Stopping(StopStep),
    /// The VM has ended; its status says how.
    Ended(&'a Vm),
}

/// Takes reports. It answers a [`Report::Console`] with `false` when nobody reads the console any more; the supervisor then
/// stops the machine.
pub type Sink<'a> = dyn FnMut(Report<'_>) -> bool + 'a;

/// Runs the machine of `owned` to its end and records the end in its status. Interrupt, hang-up and termination signals
/// stop it: the first asks the guest, the second does not.
///
/// # Errors
/// The VM's own files cannot be written. That a machine does not start or ends badly is in the status, and not an error.
pub async fn supervise(owned: &mut OwnedVm, sink: &mut Sink<'_>) -> Result<()> {
    let vm = &mut owned.vm;
    let requests = control::listen(&vm.folder)?;
    let log = course::console_log(&vm.folder)?;
    let signals = Signals::new()?;
    let spawned = Instant::now();
    vm.status.supervisor_pid = Some(std::process::id());
    vm.status.spawned_at_ms = Some(now_ms());
    match start(vm).await {
        Ok((machine, console)) => {
            vm.status.vmm_pid = machine.pid();
            vm.save_status()?;
            let mut course = Course::new(vm, sink, log, spawned, console.input, &mut owned.clients);
            let ending = course
                .follow(machine, console.output, requests, signals)
                .await?;
            vm.status.end(ending);
        }
        Err(error) => vm.status.end(Ending::NotStarted {
            failure: Failure::from(&error),
        }),
    }
    control::close(&vm.folder);
    if let Some(Network::Tap {
        lease,
        leases,
        config,
    }) = &vm.spec.network
    {
        // What stays behind is found again by its lease, so the VM's own end is what is reported.
        let _ = network::detach(config, leases, lease).await;
    }
    vm.save_status()?;
    sink(Report::Ended(vm));
    Ok(())
}

/// Attaches the VM to its network and starts its machine.
async fn start(vm: &Vm) -> Result<(AnyMachine, Console)> {
    if let Some(Network::Tap {
        lease,
        leases,
        config,
    }) = &vm.spec.network
    {
        network::attach(config, leases, lease).await?;
    }
    any::start(&vm.folder, &vm.spec).await
}
