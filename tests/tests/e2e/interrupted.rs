//! Builds that are killed, that meet each other, or that have no room: an earlier bundle stays whole, and
//! the next build ends well.

use std::io::{BufRead, BufReader};
use std::process::Stdio;

use kindling_tests::{Ran, Scratch};

/// Stages of the build, in their order.
const STAGES: [&str; 5] = ["packages", "rootfs", "initramfs", "kernel", "bundle"];

/// A recipe of its own: another epoch gives every stage another key.
fn recipe(scratch: &Scratch, epoch: &str) {
    scratch.recipe_like(
        "victim",
        "minimal-debian-12",
        &format!("[image]\nepoch = {epoch}\n"),
    );
}

/// An epoch that no earlier run of this test had: the second of its month at which this one runs.
fn unused_epoch() -> String {
    let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs();
    let (day, hour, minute, second) = (
        now / 86400 % 28 + 1,
        now / 3600 % 24,
        now / 60 % 60,
        now % 60,
    );
    format!("2026-10-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
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
    recipe(&scratch, &unused_epoch());
    for stage in STAGES {
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
