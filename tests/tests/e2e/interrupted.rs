//! Builds that are killed, that meet each other, or that have no room: an earlier bundle stays whole, and
//! the next build ends well.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::Stdio;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

use kindling_tests::{Ran, Scratch};

/// Stages of the build: those that begin at once, then those that wait for others.
const STAGES: [&str; 5] = ["packages", "initramfs", "kernel", "rootfs", "bundle"];

/// A recipe of its own: another epoch gives every stage another key.
fn recipe(scratch: &Scratch, epoch: &str) {
    scratch.recipe_like(
        "victim",
        "minimal-debian-12",
        &format!("[image]\nepoch = {epoch}\n"),
    );
}

/// An epoch that no earlier run of these tests had, nor the last ones of this one: the second of its month at which it is
/// asked for, in a year of its own.
fn unused_epoch(year: u16) -> String {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let (day, hour, minute, second) = (
        now / 86400 % 28 + 1,
        now / 3600 % 24,
        now / 60 % 60,
        now % 60,
    );
    format!("{year}-10-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Starts a build and kills it, hard, as soon as `stage` counts something, or ends if it never counts.
fn kill_in(scratch: &Scratch, stage: &str) {
    let mut command = scratch.xtask(&["build-image", "victim", "--json"]).to_std();
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let events = BufReader::new(child.stdout.take().unwrap())
        .lines()
        .map(|line| line.unwrap());
    let mut seen = 0;
    for event in events {
        let event: serde_json::Value = serde_json::from_str(&event).unwrap();
        if event["stage"] != stage {
            continue;
        }
        seen += 1;
        assert_ne!(
            event["event"], "finished",
            "`{stage}` ended before it was killed"
        );
        // The others count nothing, or are over within a second.
        if seen == 2 || !matches!(stage, "packages" | "kernel") {
            break;
        }
    }
    assert!(seen > 0, "`{stage}` never began");
    child.kill().unwrap();
    child.wait().unwrap();
}

/// The command lines of processes whose current folder is in the store's folder for the kernel.
fn compiling() -> Vec<String> {
    let processes = std::fs::read_dir("/proc").unwrap().flatten();
    let of_kernel = processes.filter(|process| {
        let folder = std::fs::read_link(process.path().join("cwd")).unwrap_or_default();
        folder.to_string_lossy().contains("/work/linux-")
    });
    let shown = of_kernel.map(|process| {
        let line = std::fs::read(process.path().join("cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).replace('\0', " ")
    });
    shown.collect()
}

/// Waits until nobody compiles a kernel.
fn until_nothing_compiles() {
    let limit = Instant::now() + Duration::from_secs(60);
    while !compiling().is_empty() {
        assert!(Instant::now() < limit, "still there: {:?}", compiling());
        std::thread::sleep(Duration::from_millis(20)); // bounded wait: processes of others end without an event for us
    }
}

fn key(scratch: &Scratch) -> String {
    kindling_bundle::load(&scratch.path("out/victim"))
        .unwrap()
        .key
}

#[test]
fn a_build_killed_in_any_stage_leaves_the_earlier_bundle_and_goes_on_next_time() {
    let scratch = Scratch::new();
    recipe(&scratch, "2026-11-01T00:00:00Z");
    Ran::new(&scratch.xtask(&["build-image", "victim"])).ok();
    let before = key(&scratch);
    // Each with keys of its own: of stages that run side by side, others may end before the one that is watched.
    for (year, stage) in (2020..).zip(STAGES) {
        recipe(&scratch, &unused_epoch(year));
        kill_in(&scratch, stage);
        assert_eq!(key(&scratch), before, "killed in `{stage}`");
        Ran::new(&scratch.xtask(&["verify", "out/victim"])).ok();
    }
    Ran::new(&scratch.xtask(&["build-image", "victim"])).ok();
    Ran::new(&scratch.xtask(&["verify", "out/victim"])).ok();
    assert_ne!(key(&scratch), before);
    let left: Vec<_> = std::fs::read_dir(scratch.path("out"))
        .unwrap()
        .map(|e| e.unwrap().file_name())
        .collect();
    assert_eq!(left, ["victim"], "leftovers of killed builds");
    let again = Ran::new(&scratch.xtask(&["build-image", "victim"])).ok();
    assert!(again.stderr.contains("up to date"), "{}", again.stderr);
}

#[test]
fn a_stage_that_fails_ends_the_others_and_is_the_one_that_is_told() {
    let scratch = Scratch::new();
    let exclude = "[[rootfs.exclude]]\npaths = [\"/no/such/*\"]\nreason = \"none\"\n";
    let epoch = unused_epoch(2010);
    let text = format!("[image]\nepoch = {epoch}\n{exclude}");
    scratch.recipe_like("victim", "minimal-debian-12", &text);
    let ran = Ran::new(&scratch.xtask(&["build-image", "victim", "--json"]));
    assert_eq!(ran.code, 2, "{}", ran.stdout);
    let events = ran
        .stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let events: Vec<serde_json::Value> = events.collect();
    let happened = |stage: &str, event: &str| {
        events
            .iter()
            .any(|e| e["stage"] == stage && e["event"] == event)
    };
    assert!(
        happened("kernel", "started") && !happened("kernel", "finished"),
        "{}",
        ran.stdout
    );
    let message = events.last().unwrap()["message"].as_str().unwrap();
    assert!(
        message.contains("nothing in the packages fits `/no/such/*`"),
        "{message}"
    );
    until_nothing_compiles();
}

#[test]
fn an_interrupt_from_the_terminal_ends_all_of_a_build() {
    let scratch = Scratch::new();
    recipe(&scratch, &unused_epoch(2011));
    let mut command = scratch.xtask(&["build-image", "victim", "--json"]).to_std();
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .process_group(0)
        .spawn()
        .unwrap();
    let mut events = BufReader::new(child.stdout.take().unwrap()).lines();
    let counts = events.find(|event| {
        let event: serde_json::Value = serde_json::from_str(event.as_ref().unwrap()).unwrap();
        event["stage"] == "kernel" && event["event"] == "progress" && event["unit"] == "objects"
    });
    assert!(counts.is_some(), "the kernel never counted an object");
    let group = Pid::from_raw(i32::try_from(child.id()).unwrap()).unwrap();
    kill_process_group(group, Signal::INT).unwrap();
    child.wait().unwrap();
    until_nothing_compiles();
    assert!(!scratch.path("out/victim").exists());
    Ran::new(&scratch.xtask(&["build-image", "victim"])).ok();
}

#[test]
fn two_builds_of_one_recipe_at_once() {
    let scratch = Scratch::new();
    scratch.recipe_like("victim", "minimal-debian-12", "[rootfs]\nfree_mib = 77\n");
    let ran: Vec<Ran> = std::thread::scope(|scope| {
        let build = || Ran::new(&scratch.xtask(&["build-image", "victim"]));
        let both = [scope.spawn(build), scope.spawn(build)];
        both.into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    for ran in ran {
        ran.ok();
    }
    Ran::new(&scratch.xtask(&["verify", "out/victim"])).ok();
}
