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
        suite.packages.push(Deb::endless_kernel("6.1.2"));
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

/// A recipe `web` on top of `tiny`, whose lock and downloads are from before the archive moved on: of everything there is
/// a newer version, and nothing older any more.
fn derived() -> Tiny {
    let tiny = Tiny::new("\"base\"");
    let ran = tiny.run(&["build-image"]);
    assert!(ran.stderr.contains("packages"), "{}", ran.stderr); // a tree cannot be made of them, but they are downloaded
    assert!(pins(&tiny, "base", "1") && tiny.mirror.count("base_1") == 1);
    fs::remove_dir_all(tiny.scratch.path("mirror/pool")).unwrap();
    tiny.publish(|suite| {
        suite.date = "Fri, 02 Jan 2026 00:00:00 UTC".to_owned();
        suite.packages = vec![
            Deb::new("base", "2")
                .field("Essential: yes")
                .field("Depends: newcomer"),
            Deb::new("newcomer", "1"),
            Deb::new("tool", "1").field("Depends: base"),
            Deb::endless_kernel("6.1.2"),
        ];
    });
    tiny.scratch.write(
        "recipes/web.toml",
        "extends = \"tiny\"\n\n[rootfs]\npackages = [\"tool\"]\n",
    );
    tiny
}

/// The packages of `web.lock`, `name version` and the layer, and the kernel's source.
fn web(tiny: &Tiny) -> Vec<String> {
    let lock = fs::read_to_string(tiny.scratch.path("recipes/web.lock")).unwrap();
    let value = |line: &str, key: &str| {
        let rest = line.split_once(&format!(" {key} = "))?.1;
        let end = rest.find([',', ' ']).unwrap();
        Some(rest[..end].trim_matches('"').to_owned())
    };
    let packages = lock.lines().filter(|line| line.contains(" version = \""));
    let shown = packages.map(|line| {
        let layer = value(line, "layer").unwrap_or_else(|| "0".to_owned());
        let (name, version) = (
            value(line, "name").unwrap(),
            value(line, "version").unwrap(),
        );
        format!("{name} {version} in {layer}")
    });
    shown.collect()
}

#[test]
fn a_derived_recipe_starts_from_its_parents_pins_whatever_the_mirror_has_now() {
    let tiny = derived();
    let ran = tiny.run_recipe("web", "store", &["lock"]).ok();
    let note = "web.lock: starts from the pins of tiny.lock";
    assert!(ran.stderr.contains(note), "{}", ran.stderr);
    let expected = ["base 1 in 0", "tool 1 in 1", "linux-source-6.1 6.1.1 in 0"];
    assert_eq!(web(&tiny), expected);

    // Its own lock is what counts from now on, also when the recipe asks for more.
    let ran = tiny.run_recipe("web", "store", &["lock"]).ok();
    assert!(!ran.stderr.contains("starts from"), "{}", ran.stderr);
    let more = "packages = [\"tool\", \"newcomer\"]";
    tiny.scratch
        .replace("recipes/web.toml", "packages = [\"tool\"]", more);
    let ran = tiny.run_recipe("web", "store", &["lock"]).ok();
    assert!(!ran.stderr.contains("starts from"), "{}", ran.stderr);
    let expected = [
        "base 1 in 0",
        "newcomer 1 in 2",
        "tool 1 in 1",
        "linux-source-6.1 6.1.1 in 0",
    ];
    assert_eq!(web(&tiny), expected);

    // It moves when somebody says so.
    tiny.run_recipe("web", "store", &["lock", "--update"]).ok();
    let expected = [
        "base 2 in 0",
        "newcomer 1 in 0",
        "tool 1 in 0",
        "linux-source-6.1 6.1.2 in 0",
    ];
    assert_eq!(web(&tiny), expected);
}

#[test]
fn pins_of_a_parent_give_way_where_the_request_needs_it() {
    let tiny = derived();
    tiny.publish(|suite| {
        suite.packages = vec![
            Deb::new("base", "2").field("Essential: yes"),
            Deb::new("tool", "1").field("Depends: base (>= 2)"),
            Deb::endless_kernel("6.1.2"),
        ];
    });
    tiny.run_recipe("web", "store", &["lock"]).ok();
    let expected = ["base 2 in 0", "tool 1 in 0", "linux-source-6.1 6.1.1 in 0"];
    assert_eq!(web(&tiny), expected);

    // One name is let go, the others stay.
    fs::remove_file(tiny.scratch.path("recipes/web.lock")).unwrap();
    let update = ["lock", "--update=linux-source-6.1"];
    tiny.run_recipe("web", "store", &update).ok();
    assert_eq!(web(&tiny)[2], "linux-source-6.1 6.1.2 in 0");
}

#[test]
fn pins_of_a_parent_that_left_the_mirror_come_from_the_snapshot_archive_or_move() {
    let tiny = Tiny::new("\"base\"");
    tiny.run(&["build-image"]);
    let old = tiny.scratch.path("snapshot/debian/20260101T000000Z/pool");
    fs::create_dir_all(old.parent().unwrap()).unwrap();
    fs::rename(tiny.scratch.path("mirror/pool"), &old).unwrap();
    tiny.publish(|suite| {
        suite.date = "Fri, 02 Jan 2026 00:00:00 UTC".to_owned();
        suite.packages[0] = Deb::new("base", "2").field("Essential: yes");
        suite.packages.push(Deb::new("tool", "1"));
    });
    tiny.scratch.write(
        "recipes/web.toml",
        "extends = \"tiny\"\n\n[rootfs]\npackages = [\"tool\"]\n",
    );
    tiny.run_recipe("web", "store", &["lock"]).ok();
    assert_eq!(web(&tiny)[0], "base 1 in 0");

    // Another machine, whose store has nothing.
    let snapshot = LoopbackMirror::serve(&tiny.scratch.path("snapshot"));
    let named = format!("debian-snapshot={}", snapshot.url());
    let locked = ["build-image", "--locked", "--mirror", &named];
    let ran = tiny.run_recipe("web", "other", &locked);
    assert!(
        !ran.stderr.contains("no longer in the archive"),
        "{}",
        ran.stderr
    );
    let asked = snapshot.requests();
    let of_then = |path: &&String| path.contains("/20260101T000000Z/") && path.contains("base_1");
    assert_eq!(asked.iter().filter(of_then).count(), 1, "{asked:?}");

    // Without a snapshot archive the build asks the archives again.
    let ran = tiny.run_recipe("web", "third", &["build-image"]);
    assert!(ran.stderr.contains("resolving again"), "{}", ran.stderr);
    assert_eq!(web(&tiny)[0], "base 2 in 0");
}
