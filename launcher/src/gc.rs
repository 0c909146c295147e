//! Garbage collection of dead VMs, and of nothing else: processes, TAPs, leases, sockets and disks whose supervisor died.
//! Logs stay until they are asked for.

use std::path::Path;

use kindling_base::{Error, Lock, Result, files};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use serde::Serialize;

use crate::config;
use crate::network::{self, Leases, obstacle};
use crate::snapshot::Snapshots;
use crate::vm::status::State;
use crate::vm::{CONSOLE_LOG, KEPT, LOCK, StateFolder, VMM_LOG, Vm};
use crate::vmm::firecracker::cgroup;

/// The options of a collection.
#[derive(Clone, Copy, Debug, Default)]
pub struct GcOptions {
    /// VMs that stopped or failed as well, which otherwise keep their disks until they are removed.
    pub ended: bool,
    /// The logs as well, and with them the last of each VM.
    pub logs: bool,
    /// Report what would go, and leave it.
    pub dry_run: bool,
}

/// The things that were cleared away, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Collected {
    /// VMs of which only the logs are left.
    pub cleared: Vec<String>,
    /// VMs of which nothing is left.
    pub removed: Vec<String>,
    /// Processes that had outlived their VM.
    pub processes: Vec<u32>,
    /// TAPs without a VM.
    pub taps: Vec<String>,
    /// Addresses that dead VMs had.
    pub leases: Vec<String>,
    /// Control groups of jails whose supervisor was killed.
    pub groups: Vec<String>,
    /// Folders that were half made or half removed when something crashed.
    pub half_made: usize,
    /// The disk space of the files.
    pub bytes: u64,
}

impl Collected {
    /// Whether there was nothing.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Clears away what is dead.
///
/// # Errors
/// The state folder cannot be read, or something of a dead VM cannot be removed.
pub async fn collect(state: &StateFolder, options: GcOptions) -> Result<Collected> {
    let mut collected = Collected::default();
    if !options.dry_run {
        collected.half_made = state.sweep()?;
        Snapshots::open(state)?;
    }
    for vm in state.list()?.vms {
        let dead = vm.status.state == State::Dead;
        if dead || options.ended && !vm.status.state.is_live() {
            clear(state, &vm, options, &mut collected)?;
        }
    }
    for group in cgroup::dead() {
        if options.dry_run || cgroup::remove(&group) {
            collected.groups.push(group.display().to_string());
        }
    }
    if obstacle().is_none() && !options.dry_run {
        let config = config::network()?;
        let leases = Leases::open(&config.bridge)?;
        let cleared = network::reconcile(&config, &leases).await?;
        collected.taps.extend(cleared.taps);
        for lease in cleared.leases {
            collected.leases.push(lease.address.address.to_string());
            collected.taps.push(lease.tap);
        }
    }
    Ok(collected)
}

/// Clears one VM, if nobody has started or removed it since we looked.
fn clear(
    state: &StateFolder,
    vm: &Vm,
    options: GcOptions,
    collected: &mut Collected,
) -> Result<()> {
    let lock = vm.folder.join(LOCK);
    if !lock.exists() {
        return Ok(());
    }
    let Some(_lock) = Lock::try_acquire(&lock)? else {
        return Ok(());
    };
    for pid in processes_in(&vm.folder) {
        if options.dry_run || kill(pid, &vm.folder)? {
            collected
                .processes
                .push(pid.as_raw_nonzero().get().unsigned_abs());
        }
    }
    let kept = |path: &Path| {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let log = name == CONSOLE_LOG || name == VMM_LOG;
        KEPT.contains(&&*name) || log
    };
    let name = vm.spec.name.clone();
    let mut cleared = 0;
    for path in files::list(&vm.folder)? {
        if options.logs || !kept(&path) {
            collected.bytes += files::disk_usage(&path)?;
            cleared += 1;
            if !options.dry_run && !options.logs {
                files::remove(&path)?;
            }
        }
    }
    match options.logs {
        true => {
            if !options.dry_run {
                state.take_away_guarded(&vm.folder)?;
            }
            collected.removed.push(name);
        }
        false if cleared > 0 => collected.cleared.push(name),
        false => {}
    }
    Ok(())
}

/// Processes whose working folder is this one: every machine of ours works in its VM's.
fn processes_in(folder: &Path) -> Vec<Pid> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?));
    pids.filter(|pid| works_in(*pid, folder)).collect()
}

fn works_in(pid: Pid, folder: &Path) -> bool {
    let at = format!("/proc/{}/cwd", pid.as_raw_nonzero());
    std::fs::read_link(at).is_ok_and(|at| at == folder)
        && pid != rustix::process::getpid()
        && is_machine(pid)
}

/// Whether it is a monitor: somebody's shell may stand in the folder as well.
fn is_machine(pid: Pid) -> bool {
    let name = std::fs::read_to_string(format!("/proc/{}/comm", pid.as_raw_nonzero()));
    name.is_ok_and(|name| name.starts_with("qemu-system") || name.starts_with("firecracker"))
}

/// Kills a process, if it is still the one that we saw.
fn kill(pid: Pid, folder: &Path) -> Result<bool> {
    let Ok(process) = pidfd_open(pid, PidfdFlags::empty()) else {
        return Ok(false); // it has ended
    };
    if !works_in(pid, folder) {
        return Ok(false);
    }
    match pidfd_send_signal(&process, Signal::KILL) {
        Ok(()) => Ok(true),
        Err(rustix::io::Errno::SRCH) => Ok(false),
        Err(error) => Err(
            Error::user(format!("cannot end the process {}", pid.as_raw_nonzero()))
                .because(std::io::Error::from(error))
                .hint("run this as the user who started it, or as root"),
        ),
    }
}
