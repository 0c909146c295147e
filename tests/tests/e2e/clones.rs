//! Clones of a real guest are guests of their own before anybody is told that they are ready; and its serial console.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::os::unix::fs::MetadataExt;
use std::process::Stdio;
use std::time::SystemTime;

use kindling_tests::{Ran, Scratch, project};
use serde_json::Value;

const CLONES: usize = 4;

/// A question to each guest: its names, random bytes from two sources, and its clock.
const WHO: &str = "cat /etc/machine-id; hostname; cat /proc/sys/kernel/random/uuid; \
                   head -c 16 /dev/urandom | od -An -tx1; date +%s";

/// Seconds since 1970 by the clock of the host.
fn now() -> u64 {
    SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()
}

struct Vms(Scratch);

impl Vms {
    fn run(&self, args: &[&str]) -> Ran {
        Ran::new(&self.0.kindling(args).directory(project())).ok()
    }

    /// The lines that a guest answers with.
    fn who(&self, name: &str) -> Vec<String> {
        let told = self.run(&["exec", name, "--", "sh", "-c", WHO]).stdout;
        told.lines().map(str::to_owned).collect()
    }

    fn ready_after_ms(&self, name: &str) -> u64 {
        let listed: Vec<Value> = serde_json::from_str(&self.run(&["ps", "--json"]).stdout).unwrap();
        let vm = listed.iter().find(|vm| vm["name"] == name).unwrap();
        vm["ready_after_ms"].as_u64().unwrap()
    }
}

impl Drop for Vms {
    fn drop(&mut self) {
        let names = (1..=CLONES).map(|number| format!("clone-{number}"));
        for name in names.chain(["origin", "grandchild"].map(str::to_owned)) {
            let _ = self.0.kindling(&["rm", "--force", &name]).run();
        }
    }
}

#[test]
fn clones_are_guests_of_their_own() {
    let vms = Vms(Scratch::new());
    vms.run(&["run", "--detach", "--name", "origin", "minimal-debian-12"]);
    typed_on_the_console(&vms);
    vms.run(&[
        "exec",
        "origin",
        "--",
        "sh",
        "-c",
        "echo kept > /root/file; head -c 4 /dev/urandom > /dev/null",
    ]);
    vms.run(&["snapshot", "origin", "--name", "golden"]);
    vms.run(&[
        "resume",
        "golden",
        "--count",
        &CLONES.to_string(),
        "--name",
        "clone",
    ]);

    let mut seen = vec![BTreeSet::new(); 4];
    let names: Vec<String> = (1..=CLONES)
        .map(|number| format!("clone-{number}"))
        .collect();
    for name in names.iter().map(String::as_str).chain(["origin"]) {
        let before = now();
        let told = vms.who(name);
        let after = now();
        assert_eq!(told[1], name);
        assert_eq!(told[0].len(), 32, "{told:?}");
        let clock: u64 = told[4].parse().unwrap();
        // The guest looked at its clock between our two looks at ours; a clone sets its own to a second or better.
        assert!(
            name == "origin" || (before - 2..=after + 2).contains(&clock),
            "{name}: {clock}, here {before} to {after}"
        );
        for (values, value) in seen.iter_mut().zip(told) {
            assert!(
                values.insert(value.clone()),
                "{value} is told by two guests"
            );
        }
    }
    // They have the disk as it was, and each its own from there on.
    for name in &names {
        let script = "cat /root/file; hostname > /root/file; sync";
        assert_eq!(
            vms.run(&["exec", name, "--", "sh", "-c", script]).stdout,
            "kept\n"
        );
    }
    let told = vms
        .run(&["exec", "origin", "--", "cat", "/root/file"])
        .stdout;
    assert_eq!(told, "kept\n");
    saved_in_turn(&vms);
    let (cold, warm) = (vms.ready_after_ms("origin"), vms.ready_after_ms("clone-1"));
    println!("cold boot {cold} ms, one of {CLONES} clones {warm} ms");
    for name in &names {
        let stopped = vms.run(&["stop", name]).stdout;
        assert!(stopped.contains("the guest powered off"), "{stopped}");
    }
}

/// A clone is saved as the first guest was: its memory in a file of its own, which its clones share, as large as what it uses.
fn saved_in_turn(vms: &Vms) {
    vms.run(&["snapshot", "clone-2", "--name", "second"]);
    let folder = vms.0.path("state/snapshots");
    let memory = |name: &str| std::fs::metadata(folder.join(name).join("memory")).unwrap();
    let (first, second) = (memory("golden"), memory("second"));
    assert_eq!(first.len(), second.len());
    assert!(
        second.blocks() < first.blocks() * 2,
        "{} blocks",
        second.blocks()
    );
    vms.run(&["resume", "second", "--name", "grandchild"]);
    let told = vms.run(&[
        "exec",
        "grandchild",
        "--",
        "sh",
        "-c",
        "cat /root/file; hostname",
    ]);
    assert_eq!(told.stdout, "clone-2\ngrandchild\n");
    println!("a clone of a clone {} ms", vms.ready_after_ms("grandchild"));
}

/// Somebody who begins to log in on the serial console, and Ctrl-] to leave.
fn typed_on_the_console(vms: &Vms) {
    let mut command = vms.0.kindling(&["console", "origin"]).to_std();
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = child.stdin.take().unwrap();
    let mut output = child.stdout.take().unwrap();
    let mut said = Vec::new();
    let mut await_text = |text: &str| {
        let mut byte = [0];
        while !said.ends_with(text.as_bytes()) {
            output.read_exact(&mut byte).unwrap();
            said.push(byte[0]);
        }
    };
    // The prompt is about to come, or comes again.
    input.write_all(b"\n").unwrap();
    await_text("origin login: ");
    input.write_all(b"somebody\n").unwrap();
    await_text("Password: ");
    input.write_all(b"\x1d").unwrap();
    assert!(child.wait().unwrap().success());
    // The guest goes on.
    let echo = ["exec", "origin", "--", "echo", "here"];
    assert_eq!(vms.run(&echo).stdout, "here\n");
}
