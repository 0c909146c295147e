//! The bundle of the minimal image, looked at from outside.

use std::path::PathBuf;

use kindling_base::Command;
use kindling_tests::{Ran, Scratch, project, xtask};

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

/// The bundle shares its files with the store: a change of one must not find its way into the next build.
#[test]
fn an_image_changed_in_place_is_made_again() {
    use std::os::unix::fs::{FileExt, PermissionsExt};
    let scratch = Scratch::new();
    scratch.recipe_like("sealed", "minimal-debian-12", "[rootfs]\nfree_mib = 33\n");
    let build = || Ran::new(&scratch.xtask(&["build-image", "sealed", "--locked"])).ok();
    build();
    let image = scratch.path("out/sealed/rootfs.ext4");
    let before = kindling_base::sparse::hash(&image).unwrap();
    std::fs::set_permissions(&image, std::fs::Permissions::from_mode(0o644)).unwrap();
    let file = std::fs::File::options().write(true).open(&image).unwrap();
    file.write_all_at(b"scribble", 4096).unwrap();
    drop(file);
    assert_ne!(kindling_base::sparse::hash(&image).unwrap(), before);
    // Linted anew as well, whatever the store has: the image and what lints it both need the agent, which is told once.
    let waiver = format!(
        "[rootfs]\nfree_mib = 33\n[[lint.waive]]\nrule = \"unit-exec\"\npath = \"/nowhere\"\nreason = \"{}\"\n",
        scratch.path("").display()
    );
    scratch.recipe_like("sealed", "minimal-debian-12", &waiver);
    let again = build();
    assert_eq!(
        again.stderr.matches("\nagent ").count(),
        1,
        "{}",
        again.stderr
    );
    assert!(
        again
            .stderr
            .contains("rootfs.ext4 was changed after it was built"),
        "{}",
        again.stderr
    );
    assert_eq!(kindling_base::sparse::hash(&image).unwrap(), before);
    Ran::new(&scratch.xtask(&["verify", "out/sealed"])).ok();
}
