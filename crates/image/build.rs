//! Sets `KINDLING_RUSTC` to the description of the compiler, which compiles PID 1 and the other programs for the guest.

#![allow(
    clippy::panic,
    reason = "a build script ends with a panic; cargo shows it"
)]

fn main() {
    println!("cargo::rustc-env=KINDLING_RUSTC={}", rustc());
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
