//! Real guests on a bridge, in a network namespace of the test's own.

use std::path::Path;

use kindling_base::Command;
use kindling_tests::{Ran, Scratch, kindling, project};
use serde_json::Value;

/// A named network namespace, which goes away at the end of the test.
struct Namespace(String);

impl Namespace {
    fn new() -> Self {
        let name = format!("kindling-test-{}", std::process::id());
        ip(&["netns", "add", &name]);
        let namespace = Self(name);
        ip(&["-n", &namespace.0, "link", "set", "lo", "up"]);
        namespace
    }

    /// `kindling ARGUMENTS` inside.
    fn kindling(&self, scratch: &Scratch, args: &[&str]) -> Ran {
        let inside = Command::new("ip").args(["netns", "exec", &self.0, "env"]);
        let variable = |name: &str, path: &str| format!("{name}={}", scratch.path(path).display());
        let inside = inside
            .arg(variable("KINDLING_STATE", "state"))
            .arg(variable("KINDLING_RUN", "run"))
            .arg(kindling().to_std().get_program())
            .args(args);
        Ran::new(&inside.directory(project()))
    }

    /// Names of the TAPs inside.
    fn taps(&self) -> Vec<String> {
        let links = Command::new("ip")
            .args(["-n", &self.0, "-json", "link"])
            .run();
        let links: Value = serde_json::from_str(&links.unwrap().text()).unwrap();
        let names = links
            .as_array()
            .unwrap()
            .iter()
            .map(|link| link["ifname"].as_str().unwrap());
        names
            .filter(|name| name.starts_with("fc-vm-"))
            .map(str::to_owned)
            .collect()
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _ = Command::new("ip").args(["netns", "delete", &self.0]).run();
    }
}

/// The VMs of the test, which go however it ends.
struct Vms<'a>(&'a Namespace, &'a Scratch);

impl Drop for Vms<'_> {
    fn drop(&mut self) {
        for name in ["one", "two", "clone-1", "clone-2"] {
            self.0.kindling(self.1, &["rm", "--force", name]); // it may be gone already
        }
    }
}

fn ip(args: &[&str]) {
    Command::new("ip").args(args).run().unwrap();
}

#[test]
fn guests_on_the_bridge_are_reached_and_leave_nothing_behind() {
    if !rustix::process::geteuid().is_root() || !Path::new("/dev/net/tun").exists() {
        return println!("skipped: only root makes TAPs");
    }
    let (scratch, namespace) = (Scratch::new(), Namespace::new());
    let _vms = Vms(&namespace, &scratch);
    let run = |name: &str| {
        let bundle = "minimal-debian-12";
        let ran = namespace
            .kindling(&scratch, &["run", "--detach", "--name", name, bundle])
            .ok();
        assert!(ran.stderr.contains("network: tap"), "{}", ran.stderr);
    };
    // A bridge of somebody else is nothing to build on.
    let ip_inside = |args: &[&str]| ip(&[&["-n", &namespace.0], args].concat());
    ip_inside(&["link", "add", "br0", "type", "bridge"]);
    ip_inside(&["address", "add", "10.1.1.1/24", "dev", "br0"]);
    let bundle = "minimal-debian-12";
    let ran = namespace.kindling(&scratch, &["run", "--network", "tap", bundle]);
    ran.fails(2, &["expected 192.168.100.1/24", "found    10.1.1.1/24"]);
    ip_inside(&["link", "delete", "br0"]);

    run("one");
    // The guest has the address of its lease and answers at it, with nobody listening on the port.
    let probe = |name: &str| {
        let ran = namespace.kindling(&scratch, &["--json", "probe", name, "9"]);
        serde_json::from_str::<Value>(&ran.stdout).unwrap()["verdict"].clone()
    };
    assert_eq!(probe("one"), "port-closed");
    let ran = namespace.kindling(&scratch, &["probe", "one", "9"]);
    ran.fails(
        3,
        &[
            "port 9 of `one` cannot be reached",
            "nothing listens there in the guest",
        ],
    );

    // Clones of it are reached at addresses of their own, side by side with it.
    namespace.kindling(&scratch, &["snapshot", "one"]).ok();
    let resume = ["resume", "one", "--count", "2", "--name", "clone"];
    namespace.kindling(&scratch, &resume).ok();
    let listed = namespace.kindling(&scratch, &["ps", "--json"]).ok().stdout;
    let listed: Vec<Value> = serde_json::from_str(&listed).unwrap();
    for vm in &listed {
        let (name, lease) = (vm["name"].as_str().unwrap(), &vm["network"]["lease"]);
        assert_eq!(probe(name), "port-closed", "{name}");
        let show = "ip -4 -o address show dev eth0; cat /sys/class/net/eth0/address";
        let shown = namespace.kindling(&scratch, &["exec", name, "--", "sh", "-c", show]);
        let shown = shown.ok().stdout;
        for expected in [&lease["address"], &lease["mac"]] {
            let expected = expected.as_str().unwrap();
            assert!(
                shown.contains(expected),
                "{name}: {expected} is not in\n{shown}"
            );
        }
    }
    assert_eq!((listed.len(), namespace.taps().len()), (3, 3));
    namespace
        .kindling(&scratch, &["rm", "--force", "clone-1", "clone-2"])
        .ok();
    assert_eq!(namespace.taps().len(), 1);

    // A supervisor that is killed leaves a TAP and a lease; the next start clears both away.
    let listed = namespace.kindling(&scratch, &["ps", "--json"]).ok().stdout;
    let listed: Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed[0]["network"]["lease"]["gateway"], "192.168.100.1");
    let supervisor = i32::try_from(listed[0]["supervisor_pid"].as_u64().unwrap()).unwrap();
    let supervisor = rustix::process::Pid::from_raw(supervisor).unwrap();
    rustix::process::kill_process(supervisor, rustix::process::Signal::KILL).unwrap();
    let before = namespace.taps();
    run("two");
    let after = namespace.taps();
    assert_eq!((before.len(), after.len()), (1, 1));
    assert_ne!(before, after);
    assert_eq!(probe("one"), "no-carrier");
    assert_eq!(probe("two"), "port-closed");

    namespace.kindling(&scratch, &["stop", "two"]).ok();
    assert_eq!(namespace.taps(), [""; 0]);
}
