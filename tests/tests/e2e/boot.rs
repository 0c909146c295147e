//! The real images, booted.

use std::path::Path;

use kindling_testkit::{Deb, LoopbackMirror, Repository, Signer, Suite};
use kindling_tests::{Ran, Scratch, project};

/// Runs a bundle in the foreground until the guest powers itself off; returns the console.
fn run_to_the_end(scratch: &Scratch, args: &[&str]) -> String {
    let ran = Ran::new(&scratch.kindling(&[&["run", "--rm"], args].concat()));
    ran.ok().stdout
}

/// Adds the recipe `NAME-checked`: `NAME` with a unit that looks at the image from inside.
fn build_checked(scratch: &Scratch, name: &str) -> String {
    let checked = format!("{name}-checked");
    let from = project().join("tests/guest-check");
    let overlay = scratch.path("rootfs-overlays/guest-check");
    let copies = [
        (
            "kindling-check.service",
            "etc/systemd/system/kindling-check.service",
        ),
        ("check", "usr/lib/kindling/check"),
    ];
    for (file, path) in copies {
        std::fs::create_dir_all(overlay.join(path).parent().unwrap()).unwrap();
        std::fs::copy(from.join(file), overlay.join(path)).unwrap();
    }
    let wants = overlay.join("etc/systemd/system/kindling-ready.service.wants");
    std::fs::create_dir_all(&wants).unwrap();
    let unit = "/etc/systemd/system/kindling-check.service";
    std::os::unix::fs::symlink(unit, wants.join("kindling-check.service")).unwrap();
    scratch.recipe_like(&checked, name, "[rootfs]\noverlays = [\"guest-check\"]\n");
    Ran::new(&scratch.xtask(&["build-image", &checked])).ok();
    checked
}

/// A mirror with one package, on this machine's loopback.
fn mirror(folder: &Path) -> LoopbackMirror {
    let script = b"#!/bin/sh\necho hello from a package\n";
    let deb = Deb::new("hello-kindling", "1.0").file("usr/bin/hello-kindling", 0o755, script);
    Repository::new(folder).publish(&Suite::new("stable", vec![deb]), &Signer::new());
    LoopbackMirror::serve(folder)
}

fn boots_and_is_in_order(name: &str) {
    let scratch = Scratch::new();
    let checked = build_checked(&scratch, name);
    let mirror = mirror(&scratch.path("mirror"));
    // The guest reaches the host's loopback at the gateway of QEMU's user network.
    let url = format!(
        "check.mirror={}",
        mirror.url().replace("127.0.0.1", "10.0.2.2")
    );
    let console = run_to_the_end(&scratch, &["--name", "checked", "--append", &url, &checked]);
    let lines: Vec<&str> = console.lines().map(str::trim_end).collect();
    assert!(lines.contains(&"check done"), "{console}");
    let failed: Vec<_> = lines
        .iter()
        .filter(|line| line.contains(": FAILED"))
        .collect();
    assert!(failed.is_empty(), "{failed:#?}\n{console}");
    let passed = lines
        .iter()
        .filter(|line| line.starts_with("check ") && line.ends_with(": ok"));
    assert_eq!(passed.count(), 15, "{console}");
}

#[test]
fn the_minimal_image_boots_through_its_initramfs_and_is_in_order() {
    boots_and_is_in_order("minimal-debian-12");
}

#[test]
fn a_stock_kernel_boots_by_the_modules_of_its_initramfs_and_is_in_order() {
    boots_and_is_in_order("stock-kernel-debian-12");
    let file = project().join("out/stock-kernel-debian-12/initramfs.cpio");
    let file = std::fs::read(file).unwrap();
    assert!(file.len() <= 2 << 20, "{} bytes", file.len());
    let archive = zstd::decode_all(file.as_slice()).unwrap();
    let has = |name: &str| {
        let path = format!("modules/{name}.ko\0"); // names are plain text in an archive
        let mut windows = archive.windows(path.len());
        windows.any(|window| window == path.as_bytes())
    };
    // This kernel has ext4 built in.
    for module in ["virtio_ring", "virtio_pci", "virtio_mmio", "virtio_blk"] {
        assert!(has(module), "{module}");
    }
    // The root's own modules brought the card up, of which the checks asked for an address.
    assert!(!has("virtio_net"));
}

#[test]
fn the_minimal_image_boots_directly_and_is_in_order() {
    boots_and_is_in_order("minimal-debian-12-direct");
}
