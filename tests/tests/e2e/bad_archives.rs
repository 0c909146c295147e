//! Mirrors that lie, fail or are old, seen through the command line. The archive is real in all but size:
//! signed with a key made for the test, served on loopback.

use std::fs;

use kindling_testkit::{Deb, Fault, Signer};
use kindling_tests::{Ran, Tiny};

#[test]
fn an_honest_archive_is_locked() {
    let tiny = Tiny::new("\"base\"");
    tiny.run(&["lock"]).ok();
    let lock = fs::read_to_string(tiny.scratch.path("recipes/tiny.lock")).unwrap();
    assert!(lock.contains("name = \"base\""), "{lock}");
    assert!(!lock.contains("127.0.0.1"), "a lock names no host:\n{lock}");
}

#[test]
fn a_tampered_in_release() {
    let tiny = Tiny::new("\"base\"");
    tiny.mirror.inject("InRelease", 9, Fault::Tamper);
    tiny.run(&["lock"])
        .fails(3, &["InRelease", &tiny.mirror.url()]);
}

#[test]
fn a_tampered_index() {
    let tiny = Tiny::new("\"base\"");
    tiny.mirror.inject("binary-amd64", 9, Fault::Tamper);
    tiny.run(&["lock"])
        .fails(3, &["binary-amd64", "expected", "computed"]);
}

#[test]
fn a_tampered_package() {
    let tiny = Tiny::new("\"base\"");
    tiny.mirror.inject("base_1", 9, Fault::Tamper);
    tiny.run(&["build-image"])
        .fails(3, &["base", "expected", "computed"]);
}

#[test]
fn a_truncated_download() {
    let tiny = Tiny::new("\"base\"");
    tiny.mirror.inject("base_1", 9, Fault::Truncate);
    tiny.run(&["build-image"])
        .fails(3, &["base", &tiny.mirror.url()]);
    assert!(tiny.mirror.count("base_1") > 1, "it was not tried again");
}

#[test]
fn an_index_that_has_expired() {
    let tiny = Tiny::new("\"base\"");
    tiny.publish(|suite| suite.valid_until = Some("Thu, 08 Jan 2026 00:00:00 UTC".into()));
    tiny.run(&["lock"]).fails(3, &["--allow-expired"]);
    tiny.run(&["lock", "--allow-expired"]).ok();
}

#[test]
fn a_signature_of_somebody_else() {
    let tiny = Tiny::new("\"base\"");
    tiny.scratch
        .write("recipes/keyrings/tiny.asc", &Signer::new().certificate());
    tiny.run(&["lock"]).fails(3, &["InRelease", "tiny.asc"]);
}

#[test]
fn a_mirror_that_is_down() {
    let mut tiny = Tiny::new("\"base\"");
    tiny.run(&["lock"]).ok();
    tiny.mirror.go_down();
    let ran = tiny.run(&["build-image"]);
    ran.fails(3, &[&tiny.mirror.url(), "0 of 1 packages"]);
}

#[test]
fn a_mirror_that_fails_once() {
    let tiny = Tiny::new("\"base\"");
    tiny.mirror.inject("InRelease", 1, Fault::Status(503));
    tiny.run(&["lock"]).ok();
}

#[test]
fn a_package_that_does_not_exist() {
    Tiny::new("\"lonly\"")
        .run(&["lock"])
        .fails(2, &["tiny.toml:", "| packages = [\"lonly\"]", "`lonely`?"]);
}

#[test]
fn a_suite_and_a_component_that_do_not_exist() {
    let tiny = Tiny::new("\"base\"");
    let recipe = "recipes/tiny.toml";
    tiny.scratch.replace(recipe, "[\"main\"]", "[\"mian\"]");
    tiny.run(&["lock"])
        .fails(2, &["tiny.toml:", "| components = [\"mian\"]", "`main`?"]);
    tiny.scratch.replace(recipe, "[\"stable\"]", "[\"stabel\"]");
    let line = "| suites = [\"stabel\"]";
    tiny.run(&["lock"])
        .fails(3, &["tiny.toml:", line, "does not have it"]);
}

#[test]
fn a_stock_kernel_that_does_not_exist() {
    let tiny = Tiny::new("\"base\"");
    let recipe = "recipes/tiny.toml";
    let text = fs::read_to_string(tiny.scratch.path(recipe)).unwrap();
    let fragments = text.lines().find(|line| line.starts_with("fragments = "));
    tiny.scratch.replace(recipe, fragments.unwrap(), "");
    let (from, to) = (
        "package = \"linux-source-6.1\"",
        "image = \"linux-sorce-6.1\"",
    );
    tiny.scratch.replace(recipe, from, to);
    let line = format!("| {to}");
    tiny.run(&["lock"])
        .fails(2, &["tiny.toml:", &line, "`linux-source-6.1`?"]);
}

#[test]
fn a_dependency_that_cannot_be_met() {
    let ran = Tiny::new("\"chained\"").run(&["lock"]);
    let line = "| packages = [\"chained\"]";
    ran.fails(2, &[line, "lonely", "absent (>= 2)"]);
}

#[test]
fn a_package_that_left_the_mirror_is_resolved_again_but_not_under_locked() {
    let tiny = Tiny::new("\"base\"");
    tiny.run(&["lock"]).ok();
    let pool = tiny.scratch.path("mirror/pool/main");
    for file in fs::read_dir(&pool).unwrap() {
        fs::remove_file(file.unwrap().path()).unwrap();
    }
    tiny.publish(|suite| suite.packages[0] = Deb::new("base", "2").field("Essential: yes"));
    tiny.run(&["build-image", "--locked"])
        .fails(3, &["base", "cargo xtask lock --update"]);
    let ran = tiny.run(&["build-image"]);
    assert!(ran.stderr.contains("1 -> 2"), "{}", ran.stderr);
}

#[test]
fn no_mirror_known() {
    let tiny = Tiny::new("\"base\"");
    tiny.scratch
        .replace("recipes/tiny.toml", "\"stable\"", "\"no-such-suite\"");
    let ran = Ran::new(&tiny.scratch.xtask(&["lock", "tiny"]));
    let line = "| suites = [\"no-such-suite\"]";
    ran.fails(2, &["tiny.toml:", line, "--mirror debian="]);
}
