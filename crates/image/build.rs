//! Hashes the code of each stage into the binary: a stage whose code changed has another key, so its
//! result in the store is not used again, while the results of other stages are.

#![allow(
    clippy::panic,
    reason = "a build script ends with a panic; cargo shows it"
)]

use std::fs;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

/// Stage, and the code that determines its result, relative to this crate.
const STAGES: [(&str, &[&str]); 9] = [
    (
        "AGENT",
        &["src/agent.rs", "src/compile.rs", "src/linked.rs"],
    ),
    (
        "BUNDLE",
        &[
            "src/bundle.rs",
            "src/evidence",
            "src/linked.rs",
            "../bundle/src/manifest.rs",
        ],
    ),
    ("KERNEL", &["src/kernel"]),
    (
        "INITRAMFS",
        &["src/initramfs", "src/compile.rs", "src/linked.rs"],
    ),
    (
        "LINT",
        &[
            "src/run/lint.rs",
            "src/initramfs",
            "src/decompress.rs",
            "../lint/src",
        ],
    ),
    (
        "PROGRAM",
        &["src/programs.rs", "src/compile.rs", "src/linked.rs"],
    ),
    (
        "PACKAGES",
        &[
            "../deb/src",
            "../debian-root/src",
            "../sandbox/src",
            "../tree/src",
        ],
    ),
    (
        "ROOTFS",
        &[
            "src/agent.rs",
            "src/linked.rs",
            "src/overlay",
            "src/rootfs",
            "../ext4/src",
            "../lint/src/boot_files.rs",
            "../lint/src/elf.rs",
            "../lint/src/files.rs",
            "../lint/src/generators.rs",
            "../lint/src/loader.rs",
            "../lint/src/unit",
            "../npm-tree/src",
            "../tree/src",
        ],
    ),
    (
        "STOCK",
        &["src/stock", "src/decompress.rs", "src/kernel/vmlinux.rs"],
    ),
];

fn main() {
    println!("cargo::rustc-env=KINDLING_RUSTC={}", rustc());
    for (stage, folders) in STAGES {
        let mut files = Vec::new();
        for folder in folders {
            println!("cargo::rerun-if-changed={folder}");
            collect(Path::new(folder), &mut files);
        }
        files.sort();
        let mut hasher = Sha256::new();
        for file in files {
            let bytes = fs::read(&file)
                .unwrap_or_else(|error| panic!("cannot read {}: {error}", file.display()));
            hasher.update(file.as_os_str().as_encoded_bytes());
            hasher.update((bytes.len() as u64).to_le_bytes());
            hasher.update(&bytes);
        }
        let digest: String = hasher
            .finalize()
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        println!("cargo::rustc-env=KINDLING_CODE_{stage}={digest}");
    }
}

/// The compiler's own description. The same toolchain compiles PID 1.
fn rustc() -> String {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    #[expect(
        clippy::disallowed_methods,
        reason = "a build script has no library of ours to go through"
    )]
    let output = std::process::Command::new(rustc).arg("-vV").output();
    let output = output.unwrap_or_else(|error| panic!("cannot run rustc: {error}"));
    String::from_utf8_lossy(&output.stdout)
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

fn collect(path: &Path, files: &mut Vec<PathBuf>) {
    if path.is_file() {
        files.push(path.to_owned());
        return;
    }
    let entries = fs::read_dir(path)
        .unwrap_or_else(|error| panic!("cannot list {}: {error}", path.display()));
    for entry in entries {
        let entry = entry.unwrap_or_else(|error| panic!("cannot list {}: {error}", path.display()));
        collect(&entry.path(), files);
    }
}
