//! VMs in a folder of their own, and their consoles.

use std::path::{Path, PathBuf};
use std::time::Duration;

use kindling_base::{Result, files};
use kindling_probe_guest::{Step, elf, print};
use tempfile::TempDir;
use tokio::io::AsyncReadExt;
use tokio::net::unix::pipe;

use super::super::process::Process;
use super::super::start::idle;
use super::super::{Fill, Firecracker, Settings, Transport, VARIABLE, find, start};
use crate::disk::{Disk, Format};
use crate::host::accel::Accelerator;
use crate::vm::spec::{Source, Spec};
use crate::vmm::Vmm;
use crate::vmm::{Event, Machine};

/// Longer than any wait for something that works, on a loaded machine.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Cycles between two beats: some 5 ms.
const BEAT: u32 = 15_000_000;

/// A place for VMs.
pub(crate) struct Lab {
    pub(crate) root: TempDir,
    program: PathBuf,
}

/// A machine and what its console said.
pub(crate) struct Running {
    pub(crate) machine: Firecracker,
    console: pipe::Receiver,
    pub(crate) said: String,
}

impl Lab {
    /// Prints `skipped` and returns `None` without Firecracker.
    pub(crate) fn new() -> Option<Self> {
        if std::env::var_os(VARIABLE).is_none_or(|path| path.is_empty()) {
            eprintln!("skipped: no firecracker");
            return None;
        }
        Some(Self {
            root: tempfile::tempdir().unwrap(),
            program: find(None).unwrap().path,
        })
    }

    pub(crate) fn program(&self) -> &Path {
        &self.program
    }

    pub(crate) fn folder(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// A VM that boots a guest of these steps.
    pub(crate) fn vm(&self, name: &str, steps: &[Step]) -> (PathBuf, Spec) {
        let folder = self.folder(name);
        files::create_dir_all(&folder).unwrap();
        files::write(&folder.join("vmlinux"), &elf(steps)).unwrap();
        files::create(&folder.join("disk.raw"))
            .unwrap()
            .set_len(1 << 20)
            .unwrap();
        let mut spec = example(name);
        spec.firecracker.as_mut().unwrap().program = self.program.clone();
        (folder, spec)
    }

    /// A VM that counts.
    pub(crate) fn counting(&self, name: &str) -> (PathBuf, Spec) {
        let beat = Step::Beat {
            prefix: "beat ".to_owned(),
            cycles: BEAT,
        };
        self.vm(name, &[print("READY\n"), beat])
    }

    /// A VM that goes on from `snapshot`, filling its memory by `memory`.
    pub(crate) fn clone_of(&self, name: &str, snapshot: &Path, memory: Fill) -> (PathBuf, Spec) {
        let (folder, mut spec) = self.vm(name, &[]);
        files::remove(&folder.join("vmlinux")).unwrap();
        spec.resume_from = Some(snapshot.to_owned());
        spec.firecracker.as_mut().unwrap().memory = memory;
        (folder, spec)
    }

    /// A snapshot of a guest that has counted to 3, and what its console said until then.
    pub(crate) async fn snapshot(&self) -> (PathBuf, String) {
        let (folder, spec) = self.counting("first");
        let mut first = Running::start(&folder, &spec).await.unwrap();
        first.wait_for("beat 00000003\n").await;
        self.snapshot_of(first).await
    }

    /// A snapshot of this guest, and what its console said until then.
    pub(crate) async fn snapshot_of(&self, mut first: Running) -> (PathBuf, String) {
        let snapshot = self.folder("snapshot");
        files::create_dir_all(&snapshot).unwrap();
        first.machine.pause().await.unwrap();
        first.machine.save(&snapshot).await.unwrap();
        (snapshot, first.kill().await)
    }
}

/// A VM without a Firecracker.
pub(crate) fn example(name: &str) -> Spec {
    Spec {
        name: name.to_owned(),
        bundle: Source {
            name: "probe".to_owned(),
            key: String::new(),
            folder: PathBuf::new(),
        },
        vmm: Vmm::Firecracker,
        firecracker: Some(Settings {
            program: PathBuf::new(),
            transport: Transport::Pci,
            boot_timer: false,
            memory: Fill::File,
            jail: None,
        }),
        resume_from: None,
        accelerator: Accelerator::Kvm,
        vcpus: 1,
        memory_mib: 64,
        kernel: "vmlinux".into(),
        initramfs: None,
        disk: Disk {
            file: "disk.raw".into(),
            format: Format::Raw,
            layers: Vec::new(),
            size: 0,
            base_sha256: String::new(),
        },
        cmdline: "marker=1".to_owned(),
        network: None,
        agent: false,
        marker: "READY".to_owned(),
        timeout_s: 60,
        remove: false,
    }
}

impl Running {
    /// A Firecracker that nothing was asked of yet.
    pub(in crate::vmm::firecracker) async fn idle(folder: &Path, spec: &Spec) -> Process {
        idle(folder, spec).await.unwrap()
    }

    pub(crate) async fn start(folder: &Path, spec: &Spec) -> Result<Self> {
        let (machine, console) = start(folder, spec).await?;
        Ok(Self {
            machine,
            console: console.output,
            said: String::new(),
        })
    }

    /// Reads the console until it has said this.
    pub(crate) async fn wait_for(&mut self, text: &str) {
        let read = async {
            while !self.said.contains(text) {
                assert!(
                    self.read().await,
                    "the console ended before {text:?}: {}",
                    self.said
                );
            }
        };
        let read = tokio::time::timeout(PATIENCE, read).await;
        assert!(
            read.is_ok(),
            "the console did not say {text:?}: {}",
            self.said
        );
    }

    /// Reads the console until it has said something.
    pub(crate) async fn wait_for_some(&mut self) {
        let read = tokio::time::timeout(PATIENCE, self.read()).await;
        assert!(read.is_ok_and(|some| some), "the console says nothing");
    }

    /// Reads the console until it has said as many lines.
    pub(crate) async fn wait_for_lines(&mut self, count: usize) {
        let read = async {
            while self.said.matches('\n').count() < count {
                assert!(self.read().await, "the console ended: {}", self.said);
            }
        };
        let read = tokio::time::timeout(PATIENCE, read).await;
        assert!(read.is_ok(), "the console said too little: {}", self.said);
    }

    /// Reads what comes next; returns whether there was something.
    async fn read(&mut self) -> bool {
        let mut bytes = [0; 4096];
        let count = self.console.read(&mut bytes).await.unwrap();
        self.said
            .push_str(&String::from_utf8_lossy(&bytes[..count]));
        count > 0
    }

    /// The host's memory that its process has, in KiB: a share of what it shares (`Pss`), or all of it (`Rss`).
    pub(crate) fn memory_kib(&self, field: &str) -> u64 {
        let pid = self.machine.pid().unwrap();
        let text = files::read_text(format!("/proc/{pid}/smaps_rollup").as_ref()).unwrap();
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(&format!("{field}:")));
        line.unwrap()
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .unwrap()
    }

    /// The events up to the last one.
    pub(crate) async fn events(&mut self) -> Vec<Event> {
        let mut events = Vec::new();
        let all = async {
            loop {
                let event = self.machine.event().await.unwrap();
                let last = matches!(event, Event::Exited { .. });
                events.push(event);
                if last {
                    break;
                }
            }
        };
        tokio::time::timeout(PATIENCE, all).await.unwrap();
        events
    }

    /// Ends the machine; returns all that its console said.
    pub(crate) async fn kill(mut self) -> String {
        self.machine.kill().unwrap();
        self.events().await;
        while self.read().await {}
        self.said
    }
}

/// Asserts that the counter goes on without a gap over all that was said, but for a beginning that was cut.
pub(crate) fn assert_counts(said: &str) {
    let lines: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("beat "))
        .collect();
    let whole = &lines[..lines.len() - usize::from(!said.ends_with('\n'))];
    let counts: Vec<u32> = whole
        .iter()
        .map(|line| {
            u32::from_str_radix(&line[5..], 16).unwrap_or_else(|_| panic!("{line:?} in {said}"))
        })
        .collect();
    assert!(counts.len() > 1, "{said}");
    for pair in counts.windows(2) {
        assert_eq!(pair[1], pair[0] + 1, "{said}");
    }
}
