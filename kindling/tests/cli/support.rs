//! Bundles of the probe guest, and the real binary on a state folder of its own.
#![expect(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "clippy takes helpers of integration tests for production code"
)]

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Output, Stdio};
use std::time::{Duration, Instant};

use kindling_base::{Command, Exit, hash};
use kindling_bundle::{
    Artifact, Kernel, MANIFEST, Machine, Manifest, Readiness, Rootfs, SCHEMA, SUMS,
};
use kindling_probe_guest::{Step, elf, print};
use serde_json::Value;

/// The readiness marker of the test bundles.
pub(crate) const MARKER: &str = "PROBE READY";

/// Longer than any wait for something that works.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// Whether QEMU is here; says so where it is not.
pub(crate) fn has_qemu() -> bool {
    let found = Command::new("qemu-system-x86_64")
        .arg("--version")
        .run()
        .is_ok();
    if !found {
        eprintln!("skipped: qemu-system-x86_64 is not installed");
    }
    found
}

/// Whether there is a Firecracker to run; says so where there is none. Only a variable counts, so that what is tested
/// does not depend on what happens to be in PATH.
pub(crate) fn has_firecracker() -> bool {
    let named = std::env::var_os("KINDLING_FIRECRACKER").is_some_and(|path| !path.is_empty());
    if !named {
        eprintln!("skipped: no firecracker");
    }
    named
}

/// Says that the guest is ready.
pub(crate) fn ready() -> Step {
    print(&format!("{MARKER}\r\n"))
}

/// A workspace with bundles and a state folder. VMs that still run when it is dropped are removed.
pub(crate) struct Case {
    root: tempfile::TempDir,
}

/// How a command ended.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Case {
    pub(crate) fn new() -> Self {
        Self {
            root: tempfile::tempdir().unwrap(),
        }
    }

    pub(crate) fn path(&self, inside: &str) -> PathBuf {
        self.root.path().join(inside)
    }

    pub(crate) fn vm(&self, name: &str) -> PathBuf {
        self.path("state/vms").join(name)
    }

    /// Makes `out/name`, whose kernel does `steps`, and returns its folder.
    pub(crate) fn bundle(&self, name: &str, steps: &[Step]) -> PathBuf {
        self.bundle_of(name, &elf(steps))
    }

    /// Makes `out/name` with this kernel.
    pub(crate) fn bundle_of(&self, name: &str, kernel: &[u8]) -> PathBuf {
        let folder = self.path("out").join(name);
        fs::create_dir_all(&folder).unwrap();
        let artifact = |file: &str, bytes: &[u8]| {
            fs::write(folder.join(file), bytes).unwrap();
            Artifact {
                file: file.to_owned(),
                size: bytes.len() as u64,
                sha256: hash::bytes(bytes),
            }
        };
        let rootfs: Vec<u8> = (0..1u32 << 18).flat_map(u32::to_le_bytes).collect();
        let manifest = Manifest {
            schema: SCHEMA,
            agent: false,
            name: name.to_owned(),
            description: "a guest of a few hundred bytes".to_owned(),
            architecture: "amd64".to_owned(),
            key: hash::bytes(name.as_bytes()),
            kernel: Kernel {
                artifact: artifact("vmlinux", kernel),
                release: "0.0-probe".to_owned(),
            },
            initramfs: Some(artifact(
                "initramfs.cpio",
                b"no archive, but one boot module",
            )),
            rootfs: Rootfs {
                artifact: artifact("rootfs.ext4", &rootfs),
                filesystem: "ext4".to_owned(),
                uuid: "00000000-0000-4000-8000-000000000000".to_owned(),
            },
            cmdline: "console=ttyS0 root=UUID=00000000-0000-4000-8000-000000000000 rw".to_owned(),
            machine: Machine {
                vcpus: 1,
                memory_mib: 64,
                network: true,
            },
            ready: Readiness {
                marker: MARKER.to_owned(),
                timeout_s: 60,
            },
            npm: Vec::new(),
            packages: Vec::new(),
            evidence: Vec::new(),
        };
        let text = serde_json::to_vec_pretty(&manifest).unwrap();
        fs::write(folder.join(MANIFEST), &text).unwrap();
        let sums = format!("{}  {MANIFEST}\n", hash::bytes(&text));
        fs::write(folder.join(SUMS), sums).unwrap();
        folder
    }

    /// The binary in this workspace; for a changed environment.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let command = Command::new(env!("CARGO_BIN_EXE_kindling"));
        let command = match std::env::var_os("KINDLING_FIRECRACKER") {
            Some(program) => command.env("KINDLING_FIRECRACKER", program),
            None => command,
        };
        command
            .args(args)
            .directory(self.root.path())
            .env("KINDLING_STATE", self.path("state"))
            // What these tests are about runs on QEMU, unless they say otherwise.
            .env("KINDLING_VMM", "qemu")
            // As root, `auto` would attach test guests to a bridge of this very machine.
            .env("KINDLING_NETWORK", "user")
    }

    /// Runs the binary to its end.
    pub(crate) fn kindling(&self, args: &[&str]) -> Ran {
        ran(&self.command(args).to_std().output().unwrap())
    }

    /// Runs the binary, which has to succeed; returns its standard output.
    pub(crate) fn succeed(&self, args: &[&str]) -> String {
        let ran = self.kindling(args);
        assert_eq!(ran.code, Exit::Success as i32, "{ran:#?}");
        ran.stdout
    }

    /// Runs the binary, which has to fail so; returns its standard error.
    pub(crate) fn fail(&self, exit: Exit, args: &[&str]) -> String {
        let ran = self.kindling(args);
        assert_eq!(ran.code, exit as i32, "{ran:#?}");
        ran.stderr
    }

    /// `ps --json`.
    pub(crate) fn ps(&self) -> Vec<Value> {
        let text = self.succeed(&["ps", "--json"]);
        serde_json::from_str(&text).unwrap()
    }

    /// Starts the binary and leaves it running.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        let mut command = self.command(args).to_std();
        let child = command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = child.spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        Running {
            child,
            stdout,
            seen: String::new(),
        }
    }
}

impl Drop for Case {
    fn drop(&mut self) {
        let vms = self.path("state/vms");
        for vm in fs::read_dir(vms).into_iter().flatten().flatten() {
            let name = vm.file_name();
            if let Some(name) = name.to_str().filter(|n| !n.starts_with('.')) {
                let _ = self.kindling(&["rm", "--force", name]);
            }
        }
    }
}

/// A command that runs.
pub(crate) struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    seen: String,
}

impl Running {
    /// Reads standard output up to a line that begins so.
    pub(crate) fn wait_for_line(&mut self, beginning: &str) {
        loop {
            let mut line = String::new();
            let read = self.stdout.read_line(&mut line).unwrap();
            assert!(read > 0, "no line begins with {beginning:?}: {}", self.seen);
            self.seen.push_str(&line);
            if line.starts_with(beginning) {
                return;
            }
        }
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, signal).unwrap();
    }

    /// Reads the rest and waits for the end.
    pub(crate) fn finish(mut self) -> Ran {
        let mut stdout = self.seen;
        self.stdout.read_to_string(&mut stdout).unwrap();
        let output = self.child.wait_with_output().unwrap();
        Ran {
            stdout,
            ..ran(&output)
        }
    }
}

fn ran(output: &Output) -> Ran {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: text(&output.stdout),
        stderr: text(&output.stderr),
    }
}

/// A port of the loopback address that was free a moment ago.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
    listener.local_addr().unwrap().port()
}

/// Waits until `condition` holds.
pub(crate) fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < PATIENCE, "{what} did not come true");
        // bounded wait: PATIENCE ends it
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Whether a process runs: neither gone nor a zombie.
pub(crate) fn runs(pid: u64) -> bool {
    let stat = fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("stat"));
    stat.is_ok_and(|stat| !stat.contains(") Z "))
}
