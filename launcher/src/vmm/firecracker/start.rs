//! Starting: from a VM's folder to a guest that runs.

use std::path::Path;
use std::time::{Duration, Instant};

use kindling_base::{Command, Error, Result, files};
use serde::Serialize;
use tokio::net::unix::pipe;

use super::api::Api;
use super::api::body::MemBackendType;
use super::boot::{self, Files};
use super::machine::Firecracker;
use super::process::{self, LOG, METRICS};
use super::restore::{self, Saved};
use super::settings::{Memory, Settings, Transport};
use super::uffd::{self, Handler};
use super::{MEMORY, STATE};
use crate::spec::Spec;

/// How long the steps of the last start took, in the VM's folder.
pub(super) const TIMINGS: &str = "timings.json";

/// When the steps of a start were done, in microseconds since we began.
#[derive(Clone, Copy, Debug, Default, Serialize)]
struct Timings {
    /// Firecracker's process was about to be started.
    prepared_us: u64,
    /// Its API could be reached.
    listening_us: u64,
    /// The machine was configured or the snapshot was loaded.
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
pub(crate) async fn start(folder: &Path, spec: &Spec) -> Result<(Firecracker, pipe::Receiver)> {
    let began = Instant::now();
    let settings = spec.firecracker.as_ref().ok_or_else(|| {
        let name = &spec.name;
        Error::internal(format!("`{name}` does not say which Firecracker runs it"))
    })?;
    let mut pages = match (&spec.resume_from, settings.memory) {
        (Some(snapshot), Memory::Uffd) if uffd::available().is_ok() => {
            Some(Handler::start(folder, snapshot)?)
        }
        _ => None,
    };
    let command = command(folder, spec, settings)?;
    let mut timings = Timings {
        prepared_us: micros(began.elapsed()),
        ..Timings::default()
    };
    let (mut process, console) = process::spawn(folder, &command).await?;
    timings.listening_us = micros(began.elapsed());
    let backend = match pages {
        Some(_) => MemBackendType::Uffd,
        None => MemBackendType::File,
    };
    let brought_up = {
        let bring_up = bring_up(&mut process.api, spec, backend, began, &mut timings);
        tokio::select! {
            done = bring_up => done,
            lost = lost(&mut pages) => Err(lost),
        }
    };
    match brought_up {
        Ok(()) => {
            keep(folder, &timings);
            Ok((Firecracker::new(process, folder, pages), console))
        }
        Err(error) => {
            let error = match &spec.resume_from {
                Some(snapshot) => compare_formats(error, &settings.program, &snapshot.join(STATE)),
                None => error,
            };
            Err(process::failed(process, folder, error).await)
        }
    }
}

/// The command that starts Firecracker in the VM's folder.
fn command(folder: &Path, spec: &Spec, settings: &Settings) -> Result<Command> {
    for file in [LOG, METRICS] {
        files::create(&folder.join(file))?; // versions before 1.14 want them to be there
    }
    let id = &spec.name;
    let mut command = Command::new(&settings.program)
        .directory(folder)
        .args(["--api-sock", process::API_SOCKET, "--id", id])
        .args(["--log-path", LOG, "--level", "Warn"])
        .args(["--metrics-path", METRICS]);
    if spec.resume_from.is_none() && settings.transport == Transport::Pci {
        command = command.arg("--enable-pci"); // a restored machine has the transport that it had
    }
    if settings.boot_timer {
        command = command.arg("--boot-timer");
    }
    Ok(command)
}

async fn bring_up(
    api: &mut Api,
    spec: &Spec,
    backend: MemBackendType,
    began: Instant,
    timings: &mut Timings,
) -> Result<()> {
    let version = api.version().await?;
    version.check("the Firecracker that was started")?;
    if let Some(snapshot) = &spec.resume_from {
        let memory = snapshot.join(MEMORY);
        let memory = match backend {
            MemBackendType::File => memory.as_path(),
            MemBackendType::Uffd => Path::new(uffd::SOCKET),
        };
        let saved = Saved {
            state: &snapshot.join(STATE),
            memory: (backend, memory),
            disk: &spec.disk.file,
        };
        restore::load(api, version, spec, saved).await?;
        timings.ready_us = micros(began.elapsed());
        restore::run(api).await?;
    } else {
        let files = Files {
            kernel: &spec.kernel,
            initramfs: spec.initramfs.as_deref(),
            disk: &spec.disk.file,
        };
        boot::configure(api, spec, files).await?;
        timings.ready_us = micros(began.elapsed());
        boot::run(api).await?;
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
