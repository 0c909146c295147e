//! Links PID 1: static, at a fixed address, with our own entry point and no C library, and small.

use std::path::Path;

/// Leaves out the tables for unwinding, which a program that aborts on panic never reads: a fifth of its size.
const DISCARD: &str =
    "SECTIONS { /DISCARD/ : { *(.eh_frame) *(.eh_frame_hdr) *(.comment) } } INSERT BEFORE .text;\n";

fn main() {
    let folder = std::env::var("OUT_DIR").unwrap_or_default();
    let script = Path::new(&folder).join("discard.ld");
    if let Err(error) = std::fs::write(&script, DISCARD) {
        println!("cargo:error=cannot write {}: {error}", script.display());
    }
    for argument in [
        "-nostartfiles",
        "-static",
        "-no-pie",
        "-Wl,--build-id=none", // the file depends on its sources alone
        "-Wl,--gc-sections",
        "-Wl,-z,noseparate-code", // no page of its own for each segment
        "-Wl,--no-eh-frame-hdr",
        &format!("-Wl,-T,{}", script.display()),
    ] {
        println!("cargo:rustc-link-arg-bins={argument}");
    }
    println!("cargo:rerun-if-changed=build.rs");
}
