//! The supervisor's part of a snapshot: the machine stands still while its memory, state and disk are copied.

use std::path::Path;
use std::time::Instant;

use kindling_base::Result;
use serde::{Deserialize, Serialize};

use crate::disk::{self, Disk};
use crate::vm::Vm;
use crate::vm::status::now_ms;
use crate::vmm::Machine;

/// A machine that was saved.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Saved {
    /// The disk in the snapshot's folder.
    pub(crate) disk: Disk,
    /// The time at which the machine stood still, in milliseconds since 1970.
    pub(crate) at_ms: u64,
    /// Milliseconds for which it stood still.
    pub(crate) paused_ms: u64,
}

/// Saves the machine of `vm` to the folder `into`. It goes on whether that works or not.
///
/// # Errors
/// The monitor fails or the folder cannot be written; or the machine does not go on.
pub(crate) async fn save(vm: &Vm, machine: &mut impl Machine, into: &Path) -> Result<Saved> {
    let started = Instant::now();
    machine.pause().await?;
    let at_ms = now_ms();
    let saved = save_paused(vm, machine, into).await;
    let goes_on = machine.unpause().await;
    let paused_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    let disk = match (saved, goes_on) {
        (Ok(disk), Ok(())) => disk,
        (Err(error), Ok(())) | (Ok(_), Err(error)) => return Err(error),
        (Err(error), Err(also)) => {
            return Err(error.note(format!("and the machine does not go on: {also}")));
        }
    };
    machine.settle(into).await?;
    Ok(Saved {
        disk,
        at_ms,
        paused_ms,
    })
}

async fn save_paused(vm: &Vm, machine: &mut impl Machine, into: &Path) -> Result<Disk> {
    machine.save(into).await?;
    disk::save(&vm.spec.disk, &vm.folder, into)
}
