//! Disks that are full and folders that cannot be written.

use kindling_base::Command;
use kindling_tests::{Ran, Scratch, with_environment};

/// Runs `script`, which mounts a file system at `$1`, then the build, in a mount namespace of their own. Standard
/// output has what is in that file system afterwards.
fn with_mount(scratch: &Scratch, script: &str, build: &Command) -> Option<Ran> {
    if !rustix::process::geteuid().is_root() {
        println!("skipped: mounting a small file system needs root");
        return None;
    }
    let at = scratch.path("small");
    std::fs::create_dir(&at).unwrap();
    let script = format!(
        "{script} && {}; code=$?; ls -A $1; cat $1/victim/old; exit $code",
        build.display()
    );
    let args = [
        "--mount",
        "--propagation",
        "private",
        "sh",
        "-c",
        &script,
        "sh",
    ];
    let command = Command::new("unshare").args(args).arg(&at);
    Some(Ran::new(&with_environment(command)))
}

#[test]
fn a_full_disk_is_named_and_an_earlier_bundle_stays() {
    let scratch = Scratch::new();
    scratch.recipe_like("victim", "minimal-debian-12", "");
    let small = scratch.path("small");
    let build = scratch.xtask(&["build-image", "victim", "--out", small.to_str().unwrap()]);
    let Some(ran) = with_mount(
        &scratch,
        "mount -t tmpfs -o size=8m none $1 && mkdir $1/victim && echo kept > $1/victim/old",
        &build,
    ) else {
        return;
    };
    let ran = ran.fails(2, &["the disk is full", "small"]);
    assert_eq!(
        ran.stdout, "victim\nkept\n",
        "only the earlier bundle is left"
    );
}

#[test]
fn a_full_store_is_named() {
    let scratch = Scratch::new();
    scratch.recipe_like("victim", "minimal-debian-12", "");
    let small = scratch.path("small");
    let build = scratch.xtask(&["build-image", "victim", "--store", small.to_str().unwrap()]);
    let Some(ran) = with_mount(&scratch, "mount -t tmpfs -o size=3m none $1", &build) else {
        return;
    };
    ran.fails(2, &["the disk is full", "small"]);
}

#[test]
fn an_out_folder_that_cannot_be_written() {
    let scratch = Scratch::new();
    scratch.recipe_like("victim", "minimal-debian-12", "");
    let small = scratch.path("small");
    let build = scratch.xtask(&["build-image", "victim", "--out", small.to_str().unwrap()]);
    let Some(ran) = with_mount(&scratch, "mount -t tmpfs -o ro none $1", &build) else {
        return;
    };
    ran.fails(2, &["read-only", "small"]);
}
