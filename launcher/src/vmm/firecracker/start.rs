//! Starting: from a VM's folder to a guest that runs.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use crate::vmm::child::Console;
use kindling_base::{Command, Error, Result, files};
use serde::Serialize;

use super::api::Api;
use super::api::body::MemBackendType;
use super::boot::{self, Files};
use super::jail::Place;
use super::machine::Firecracker;
use super::process::{self, LOG, METRICS};
use super::restore::{self, Saved};
use super::settings::{Fill, Settings, Transport};
use super::uffd::{self, Handler};
use super::{MEMORY, STATE, VSOCK_SOCKET};
use crate::agent;
use crate::vm::spec::Spec;
use crate::vm::timeline::{self, Step};

/// How long the steps of the last start took, in the VM's folder.
pub(super) const TIMINGS: &str = "timings.json";

/// When the steps of a start were done, in microseconds since we began.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Timings {
    /// Firecracker's process was about to be started.
    prepared_us: u64,
    /// Its API could be reached.
    listening_us: u64,
    /// The machine was configured, or the snapshot is about to be loaded.
    ready_us: u64,
    /// The guest's processors run.
    running_us: u64,
}

/// Boots or restores the machine of `spec` in the VM's `folder`; returns it and its serial console.
///
/// To be called on the main thread, as [`crate::vmm::child::spawn`].
///
/// # Errors
/// Firecracker cannot be started or refuses; the error has what it said.
pub(crate) async fn start(folder: &Path, spec: &Spec) -> Result<(Firecracker, Console)> {
    let began = Instant::now();
    let settings = spec.firecracker.as_ref().ok_or_else(|| {
        let name = &spec.name;
        Error::internal(format!("`{name}` does not say which Firecracker runs it"))
    })?;
    let place = Place::make(folder, spec, settings)?;
    let mut pages = match (&spec.resume_from, settings.memory) {
        (Some(snapshot), Fill::Uffd) if uffd::available().is_ok() => {
            let handler = Handler::start(&place.folder, &folder.join(snapshot))?;
            place.give(&place.folder.join(uffd::SOCKET))?;
            Some(handler)
        }
        _ => None,
    };
    let files = Names::bring(folder, spec, &place, pages.is_some())?;
    let command = command(folder, spec, settings, &place)?;
    let mut timings = Timings {
        prepared_us: micros(began.elapsed()),
        ..Timings::default()
    };
    timeline::note(folder, Step::Spawned);
    let (mut process, console) = process::spawn(folder, &place, &command).await?;
    timeline::note(folder, Step::VmmReady);
    timings.listening_us = micros(began.elapsed());
    let brought_up = {
        let bring_up = bring_up(&mut process.api, spec, &files, began, &mut timings);
        tokio::select! {
            done = bring_up => done,
            lost = lost(&mut pages) => Err(lost),
        }
    };
    match brought_up {
        Ok(()) => {
            timeline::note(folder, Step::Running);
            keep(folder, &timings);
            let socket = place.folder.join(VSOCK_SOCKET);
            let agent = spec.agent.then(|| agent::over_vsock(socket)).transpose()?;
            Ok((
                Firecracker::new(process, folder, spec.memory_mib, place, pages, agent),
                console,
            ))
        }
        Err(error) => {
            let error = match &spec.resume_from {
                Some(snapshot) => {
                    let state = folder.join(snapshot).join(STATE);
                    compare_formats(error, &settings.program, &state)
                }
                None => error,
            };
            Err(process::failed(process, folder, error).await)
        }
    }
}

/// Starts Firecracker for `spec` and asks nothing of it.
#[cfg(test)]
pub(super) async fn idle(folder: &Path, spec: &Spec) -> Result<process::Process> {
    let settings = spec.firecracker.as_ref();
    let settings = settings.ok_or_else(|| Error::internal("no Firecracker"))?;
    let place = Place::make(folder, spec, settings)?;
    let command = command(folder, spec, settings, &place)?;
    let (process, _) = process::spawn(folder, &place, &command).await?;
    Ok(process)
}

/// What Firecracker has to call the VM's files.
#[derive(Debug)]
enum Names {
    Boot {
        kernel: PathBuf,
        initramfs: Option<PathBuf>,
        disk: PathBuf,
    },
    Restore {
        state: PathBuf,
        memory: (MemBackendType, PathBuf),
        disk: PathBuf,
    },
}

impl Names {
    /// Brings the files to where Firecracker works; `paged` says that our handler serves the memory.
    fn bring(folder: &Path, spec: &Spec, place: &Place, paged: bool) -> Result<Self> {
        let disk = place.writable(folder, &spec.disk.file)?;
        let Some(snapshot) = spec.resume_from.as_ref().map(|path| folder.join(path)) else {
            let initramfs = spec.initramfs.as_deref();
            let initramfs = initramfs.map(|file| place.read_only(folder, file, "initramfs"));
            return Ok(Self::Boot {
                kernel: place.read_only(folder, &spec.kernel, "vmlinux")?,
                initramfs: initramfs.transpose()?,
                disk,
            });
        };
        Ok(Self::Restore {
            state: place.read_only(folder, &snapshot.join(STATE), STATE)?,
            memory: if paged {
                (MemBackendType::Uffd, uffd::SOCKET.into())
            } else {
                let memory = place.read_only(folder, &snapshot.join(MEMORY), MEMORY)?;
                (MemBackendType::File, memory)
            },
            disk,
        })
    }
}

/// The command that starts Firecracker for the VM in `folder`.
fn command(folder: &Path, spec: &Spec, settings: &Settings, place: &Place) -> Result<Command> {
    for file in [LOG, METRICS] {
        files::create(&folder.join(file))?; // versions before 1.14 want them to be there
        place.writable(folder, Path::new(file))?;
    }
    // How long the boot took is told at that level.
    let level = if settings.boot_timer { "Info" } else { "Warn" };
    let mut command = place
        .command(settings, &spec.name)
        .args(["--api-sock", process::API_SOCKET])
        .args(["--log-path", LOG, "--level", level])
        .args(["--metrics-path", METRICS]);
    if spec.resume_from.is_none() && settings.transport == Transport::Pci {
        command = command.arg("--enable-pci"); // a restored machine has the transport that it had
    }
    if settings.boot_timer && spec.resume_from.is_none() {
        command = command.arg("--boot-timer");
    }
    Ok(command)
}

async fn bring_up(
    api: &mut Api,
    spec: &Spec,
    files: &Names,
    began: Instant,
    timings: &mut Timings,
) -> Result<()> {
    let version = api.version().await?;
    version.check("the Firecracker that was started")?;
    match files {
        Names::Restore {
            state,
            memory: (backend, memory),
            disk,
        } => {
            let saved = Saved {
                state,
                memory: (*backend, memory),
                disk,
            };
            timings.ready_us = micros(began.elapsed());
            restore::load(api, version, spec, saved).await?;
        }
        Names::Boot {
            kernel,
            initramfs,
            disk,
        } => {
            let files = Files {
                kernel,
                initramfs: initramfs.as_deref(),
                disk,
            };
            boot::configure(api, spec, files).await?;
            timings.ready_us = micros(began.elapsed());
            boot::run(api).await?;
        }
    }
    timings.running_us = micros(began.elapsed());
    Ok(())
}

/// Waits for a page-fault handler that ends before it should; for ever where there is none.
async fn lost(pages: &mut Option<Handler>) -> Error {
    let Some(handler) = pages else {
        return std::future::pending().await;
    };
    let lost = handler.ended().await;
    *pages = None;
    lost.unwrap_or_else(|| Error::external("Firecracker left its page-fault handler"))
}

/// Adds to the error of a load what the snapshot and this Firecracker say of their formats, if they differ.
fn compare_formats(error: Error, program: &Path, state: &Path) -> Error {
    let ask = |command: Command| {
        let output = command.run().ok()?;
        Some(output.text().trim().to_owned())
    };
    let ours = ask(Command::new(program).arg("--snapshot-version"));
    let theirs = ask(Command::new(program).arg("--describe-snapshot").arg(state));
    match (theirs, ours) {
        (Some(theirs), Some(ours)) if theirs != ours => error
            .note(format!("the snapshot has the format    {theirs}"))
            .note(format!("this Firecracker's format is   {ours}")),
        _ => error,
    }
}

/// Writes down how long the start took; what cannot be written is no reason to end a guest.
fn keep(folder: &Path, timings: &Timings) {
    if let Ok(text) = serde_json::to_vec(timings) {
        let _ = files::write(&folder.join(TIMINGS), &text);
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
