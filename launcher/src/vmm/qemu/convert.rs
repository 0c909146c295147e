//! Parting a state that has the guest's memory in it.
//!
//! A machine that goes on from a snapshot maps the saved memory copy-on-write, and QEMU leaves out of a state only memory
//! that it shares. So its state, once saved, is loaded by another QEMU whose memory is shared with us, and saved again: the
//! memory becomes a file that any number of clones map, as after a first snapshot. The guest does not run meanwhile, neither
//! here nor there: only its state moves.

use std::os::fd::AsRawFd;
use std::path::Path;
use std::process::Stdio;

use kindling_base::{Error, Result, files};

use super::argv::{Inherited, Purpose};
use super::memory::SharedMemory;
use super::process::Process;
use super::qmp::Qmp;
use super::{EXIT_DEADLINE, GREETING_DEADLINE, migrate, pair};
use crate::vm::spec::Spec;
use crate::vmm::STATE;

/// Parts state and memory of what the VM in `folder` saved to the folder `into`.
///
/// # Errors
/// QEMU cannot be started or fails, or the files cannot be written; the snapshot is of no use then.
pub(super) async fn convert(folder: &Path, spec: &Spec, into: &Path) -> Result<()> {
    let within = |error: Error| error.within("cannot part the saved memory from its state");
    parted(folder, spec, into).await.map_err(within)
}

async fn parted(folder: &Path, spec: &Spec, into: &Path) -> Result<()> {
    let (control, control_theirs) = pair()?;
    // Connected, as the guest has it: it is told of a change.
    let agent = spec.agent.then(pair).transpose()?;
    let memory = SharedMemory::new(spec.memory_mib)?;
    let state = files::open(&into.join(STATE))?;
    let inherited = Inherited {
        control: control_theirs.as_raw_fd(),
        memory: Some(memory.descriptor()),
        state: Some(state.as_raw_fd()),
        agent: agent.as_ref().map(|(_, theirs)| theirs.as_raw_fd()),
    };
    let process = Process {
        folder,
        spec,
        inherited: &inherited,
        purpose: Purpose::Convert,
    };
    let mut child = process.spawn(Stdio::null(), Stdio::null())?;
    drop(control_theirs); // so that the control connection ends with QEMU
    let opened = tokio::time::timeout(GREETING_DEADLINE, Qmp::open(control)).await;
    let mut qmp = opened.map_err(|_| Error::external("QEMU did not answer"))??;
    migrate::load(&mut qmp, state.as_raw_fd(), false).await?;
    memory.drop_zeros()?;
    files::remove(&into.join(STATE))?; // the next one is written anew
    migrate::save(&mut qmp, folder, Some(&memory), into).await?;
    // It has nothing more to lose: what it does not do in time, dropping it does.
    let _ = qmp.execute("quit").await;
    let _ = tokio::time::timeout(EXIT_DEADLINE, child.wait()).await;
    Ok(())
}
