//! The bundle of the minimal image, looked at from outside.
#![allow(clippy::unwrap_used, reason = "helpers of tests")]

use std::path::PathBuf;

use kindling_base::Command;
use kindling_tests::{Ran, project, xtask};

fn bundle() -> PathBuf {
    let folder = project().join("out/minimal-debian-12");
    assert!(
        folder.exists(),
        "run the tests with `cargo xtask test`, which builds it"
    );
    folder
}

#[test]
fn e2fsck_has_no_complaint() {
    let image = bundle().join("rootfs.ext4");
    let ran = Ran::new(&Command::new("/usr/sbin/e2fsck").arg("-fn").arg(&image));
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
}

#[test]
fn sizes_are_within_their_limits() {
    let manifest = kindling_bundle::load(&bundle()).unwrap();
    assert!(manifest.kernel.artifact.size <= 20 << 20);
    assert!(manifest.initramfs.unwrap().size <= 512 << 10);
}

#[test]
fn the_checksums_are_what_sha256sum_computes() {
    let sums = Command::new("sha256sum").args(["--check", "--strict", "SHA256SUMS"]);
    let ran = Ran::new(&sums.directory(bundle()));
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert_eq!(ran.stdout.lines().count(), 6, "{}", ran.stdout);
}

#[test]
fn the_next_build_has_nothing_to_do_and_says_so() {
    let build = || {
        Ran::new(
            &xtask()
                .directory(project())
                .args(["build-image", "--locked"]),
        )
        .ok()
    };
    build();
    let again = build();
    assert!(again.stderr.starts_with("up to date: "), "{}", again.stderr);
}
