//! Starting Firecracker: from a VM's folder to a guest that runs.

use std::path::{Path, PathBuf};

use kindling_base::{Command, Error, Result, files};

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
use crate::vmm::child::Console;

/// Boots or restores the machine of `spec` in the VM's `folder`; returns it and its serial console.
///
/// To be called on the main thread, as [`crate::vmm::child::spawn`].
///
/// # Errors
/// Firecracker cannot be started or refuses; the error has what it said.
pub(crate) async fn start(folder: &Path, spec: &Spec) -> Result<(Firecracker, Console)> {
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
    timeline::note(folder, Step::Spawned);
    let (mut process, console) = process::spawn(folder, &place, &command).await?;
    timeline::note(folder, Step::VmmReady);
    let brought_up = {
        let bring_up = bring_up(&mut process.api, spec, &files);
        tokio::select! {
            done = bring_up => done,
            lost = lost(&mut pages) => Err(lost),
        }
    };
    match brought_up {
        Ok(()) => {
            timeline::note(folder, Step::Running);
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

/// The VM's files, as Firecracker has to call them.
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

/// Boots or restores the guest by the API, until its processors run.
async fn bring_up(api: &mut Api, spec: &Spec, files: &Names) -> Result<()> {
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
            restore::load(api, version, spec, saved).await
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
            boot::run(api).await
        }
    }
}

/// Waits for a page-fault handler that ends before it should; forever if there is none.
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
