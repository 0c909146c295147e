//! Network namespaces that the program runs in.

use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// The program's wait for a device that never comes, in seconds.
const SHORT_S: &str = "2";

/// Its wait for one that comes, in seconds.
pub(crate) const LONG_S: &str = "30";

/// The limit of a wait for an event: only a failing test takes that long.
const LIMIT: Duration = Duration::from_secs(30);

const AGENT: &str = env!("CARGO_BIN_EXE_kindling-agent");

/// A network namespace with some devices, deleted when dropped.
pub(crate) struct Namespace {
    name: String,
    pub(crate) folder: tempfile::TempDir,
}

/// The end of a run of the program.
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    pub(crate) complaints: String,
}

impl Namespace {
    /// `None`, with the reason printed, where this machine cannot make one.
    pub(crate) fn new(devices: &[&str]) -> Option<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let name = format!("kindling-{}-{count}", std::process::id());
        let folder = tempfile::tempdir().unwrap();
        let namespace = Self { name, folder };
        let made = Command::new("ip")
            .args(["netns", "add", &namespace.name])
            .output();
        match made {
            Ok(made) if made.status.success() => {}
            made => {
                println!("skipped: no network namespaces here: {made:?}");
                return None;
            }
        }
        for device in devices {
            namespace.add(device);
        }
        Some(namespace)
    }

    /// Adds a bridge without ports: an Ethernet device that every kernel with containers has.
    pub(crate) fn add(&self, device: &str) {
        self.ip(&["link", "add", device, "type", "bridge"]);
    }

    /// A command inside.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.name, program]);
        command
    }

    pub(crate) fn ip(&self, args: &[&str]) -> String {
        let output = self.command("ip").args(args).output().unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    }

    pub(crate) fn resolv_conf(&self) -> PathBuf {
        self.folder.path().join("resolv.conf")
    }

    pub(crate) fn nameservers(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.resolv_conf()).unwrap_or_default();
        let servers = text.lines().filter_map(|l| l.strip_prefix("nameserver "));
        servers.map(str::to_owned).collect()
    }

    /// The addresses of a device, as `ADDRESS/PREFIX`.
    pub(crate) fn addresses(&self, device: &str) -> Vec<String> {
        let text = self.ip(&["-brief", "address", "show", "dev", device]);
        let fields = text.split_whitespace().skip(2);
        let fields = fields.filter(|field| !field.starts_with("fe80:"));
        fields.map(str::to_owned).collect()
    }

    /// Default routes, without what is said about the missing carrier.
    pub(crate) fn routes(&self) -> Vec<String> {
        let text = self.ip(&["route", "show", "default"]);
        let tidy = |line: &str| {
            let words = line.split_whitespace().filter(|word| *word != "linkdown");
            words.collect::<Vec<_>>().join(" ")
        };
        text.lines().map(tidy).collect()
    }

    /// Runs the program with a command line, in a host name of its own.
    pub(crate) fn run(&self, cmdline: &str) -> Ended {
        self.run_waiting(cmdline, SHORT_S)
    }

    /// The same, with the seconds that it waits for a device.
    pub(crate) fn run_waiting(&self, cmdline: &str, wait_s: &str) -> Ended {
        let file = self.folder.path().join("cmdline");
        std::fs::write(&file, format!("{cmdline}\n")).unwrap();
        let resolv_conf = self.resolv_conf();
        let output = self
            .command("unshare")
            .args([
                "--uts",
                "sh",
                "-c",
                "\"$@\"; code=$?; cat /proc/sys/kernel/hostname; exit $code",
                "-",
            ])
            .args([AGENT, "--network", "--wait", wait_s, "--cmdline"])
            .arg(&file)
            .arg("--resolv-conf")
            .arg(&resolv_conf)
            .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
            .output()
            .unwrap();
        std::fs::write(self.folder.path().join("hostname"), &output.stdout).unwrap();
        Ended {
            code: output.status.code(),
            complaints: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// Waits until the program, which begins with the loopback device, has brought that up.
    pub(crate) fn wait_until_begun(&self) {
        let limit = Instant::now() + LIMIT;
        while !self
            .ip(&["-brief", "link", "show", "dev", "lo", "up"])
            .contains("lo")
        {
            assert!(Instant::now() < limit, "the program has not begun");
            std::thread::yield_now();
        }
    }

    /// Runs the program, which must have nothing to complain about.
    pub(crate) fn good(&self, cmdline: &str) {
        let ended = self.run(cmdline);
        assert_eq!(
            (ended.complaints.as_str(), ended.code),
            ("", Some(0)),
            "{cmdline}"
        );
    }

    /// Runs the program, which must complain with these words and leave the devices alone.
    pub(crate) fn bad(&self, cmdline: &str, expected: &str) {
        let ended = self.run(cmdline);
        assert!(
            ended.complaints.contains(expected),
            "{cmdline}: {}",
            ended.complaints
        );
        assert_eq!(ended.code, Some(1), "{cmdline}");
        assert_eq!(ended.complaints.lines().count(), 1, "{}", ended.complaints);
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip")
            .args(["netns", "del", &self.name])
            .output();
    }
}
