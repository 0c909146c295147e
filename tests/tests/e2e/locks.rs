//! Locks behave as cargo's: what is pinned stays until somebody says otherwise.

use std::fs;

use kindling_testkit::{Deb, LoopbackMirror};
use kindling_tests::Tiny;

fn lock(tiny: &Tiny) -> String {
    fs::read_to_string(tiny.scratch.path("recipes/tiny.lock")).unwrap()
}

/// Whether the lock pins this version of the package.
fn pins(tiny: &Tiny, name: &str, version: &str) -> bool {
    lock(tiny).contains(&format!("name = \"{name}\", version = \"{version}\""))
}

/// Counts the lines of the lock that are in a layer above the lowest.
fn layered(tiny: &Tiny) -> usize {
    lock(tiny)
        .lines()
        .filter(|line| line.contains(", layer = 1 }"))
        .count()
}

/// The archive gets version 2 of everything, and keeps version 1.
fn publish_newer(tiny: &Tiny) {
    tiny.publish(|suite| {
        suite
            .packages
            .push(Deb::new("base", "2").field("Essential: yes"));
        suite.packages.push(Deb::new("tool", "1"));
        suite.packages.push(Deb::new("tool", "2"));
        suite.packages.push(Deb::new("linux-source-6.1", "6.1.2"));
    });
}

#[test]
fn what_is_pinned_stays_and_what_is_named_moves() {
    let tiny = Tiny::new("\"base\"");
    tiny.run(&["lock"]).ok();
    publish_newer(&tiny);
    tiny.run(&["lock"]).ok();
    assert!(pins(&tiny, "base", "1"), "a lock that fits is left alone");

    // A package more: the new one comes in its newest version, the others stay.
    tiny.scratch.replace(
        "recipes/tiny.toml",
        "packages = [\"base\"]",
        "packages = [\"base\", \"tool\"]",
    );
    tiny.run(&["build-image", "--locked"])
        .fails(2, &["does not fit its recipe any more"]);
    let ran = tiny.run(&["lock"]).ok();
    assert!(ran.stderr.contains("tool  2 added"), "{}", ran.stderr);
    assert!(
        pins(&tiny, "base", "1")
            && pins(&tiny, "tool", "2")
            && pins(&tiny, "linux-source-6.1", "6.1.1")
    );
    assert_eq!(layered(&tiny), 1, "what was added is a layer of its own");

    let ran = tiny.run(&["lock", "--update=linux-source-6.1"]).ok();
    assert_eq!(layered(&tiny), 1, "another kernel leaves the layers alone");
    assert!(
        pins(&tiny, "base", "1") && pins(&tiny, "linux-source-6.1", "6.1.2"),
        "{}",
        ran.stderr
    );

    tiny.run(&["lock", "--update=bse"]).fails(
        2,
        &["the lock has no package `bse`", "did you mean `base`?"],
    );
    let ran = tiny.run(&["lock", "--update"]).ok();
    assert!(ran.stderr.contains("base  1 -> 2"), "{}", ran.stderr);
    assert!(pins(&tiny, "base", "2"));
    assert_eq!(layered(&tiny), 0);
}

#[test]
fn a_lock_of_the_same_pins_is_not_written_again() {
    let tiny = Tiny::new("\"base\"");
    tiny.run(&["lock"]).ok();
    let before = lock(&tiny);
    let suite = before
        .lines()
        .find(|line| line.contains("name = \"stable\""))
        .unwrap();
    let signed_by = suite.split("signed_by = \"").nth(1).unwrap();
    assert_eq!(signed_by.find('"'), Some(40), "a fingerprint: {suite}");
    tiny.run(&["lock", "--update"]).ok();
    assert_eq!(lock(&tiny), before);
}

#[test]
fn a_package_that_left_the_mirror_comes_from_the_snapshot_archive() {
    let tiny = Tiny::new("\"base\"");
    tiny.run(&["lock"]).ok();
    let text = lock(&tiny);
    let date = text
        .split("date = \"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let old = tiny.scratch.path(&format!("snapshot/debian/{date}/pool"));
    fs::create_dir_all(old.parent().unwrap()).unwrap();
    fs::rename(tiny.scratch.path("mirror/pool"), &old).unwrap();
    tiny.publish(|suite| suite.packages[0] = Deb::new("base", "2").field("Essential: yes"));

    let ran = tiny.run(&["build-image", "--locked"]);
    ran.fails(
        3,
        &[
            "base 1 is no longer in the archive",
            "--mirror debian-snapshot=URL",
        ],
    );
    let snapshot = LoopbackMirror::serve(&tiny.scratch.path("snapshot"));
    let named = format!("debian-snapshot={}", snapshot.url());
    let ran = tiny.run(&["build-image", "--locked", "--mirror", &named]);
    assert!(
        !ran.stderr.contains("no longer in the archive"),
        "{}",
        ran.stderr
    );
    assert_eq!(snapshot.count("base_1"), 1);
    assert!(pins(&tiny, "base", "1"));
}
