//! The crates that PID 1 pins, vendored from this machine and shown to the real cargo.

use std::path::{Path, PathBuf};

use kindling_base::{Command, Silent, files};
use kindling_fetch::Client;
use kindling_registry::{Places, Registries, fetch};
use kindling_store::Store;
use kindling_vendor::{Pin, pins, vendor};

/// A person of the tests who named no mirror.
fn nobody() -> Result<Vec<String>, Vec<String>> {
    Err(Vec::new())
}

/// The crates as files of cargo's own on this machine; the first that is missing, otherwise. No server is asked.
fn from_cargo(locked: &[Pin], store: &Store) -> Result<Vec<PathBuf>, String> {
    let home = Places::of_this_machine().home.ok_or("no cargo home")?;
    let downloaded = files::list(&home.join("registry/cache")).unwrap_or_default();
    for pin in locked {
        let name = format!("{}-{}.crate", pin.name, pin.version);
        if !downloaded.iter().any(|folder| folder.join(&name).is_file()) {
            return Err(format!("cargo has not fetched {name}"));
        }
    }
    let registries = Registries::of_this_machine(nobody()).map_err(|error| error.report())?;
    fetch(locked, &Client::default(), &registries, store, &Silent).map_err(|error| error.report())
}

#[test]
fn cargo_takes_a_vendor_folder_as_a_source_without_a_network() {
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../initramfs");
    let locked = pins(&program.join("Cargo.lock")).unwrap();
    assert!(locked.iter().any(|pin| pin.name == "rustix"));
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&folder.path().join("store")).unwrap();
    let crates = match from_cargo(&locked, &store) {
        Ok(crates) => crates,
        Err(reason) => {
            println!("skipped: {reason}");
            return;
        }
    };
    let vendored = folder.path().join("vendor");
    vendor(&locked, &crates, &vendored).unwrap();
    assert_eq!(files::list(&vendored).unwrap().len(), locked.len());
    // A home of its own: what cargo has downloaded cannot help it.
    let metadata = || {
        let source = format!("source.v.directory={:?}", vendored.display().to_string());
        Command::new("cargo")
            .args(["metadata", "--format-version=1", "--offline", "--locked"])
            .args(["--config", "source.crates-io.replace-with=\"v\""])
            .args(["--config", &source])
            .env("CARGO_HOME", folder.path().join("home"))
            .env("RUSTUP_HOME", rustup())
            .directory(&program)
            .output()
            .unwrap()
    };
    let output = metadata();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let printed = output.text();
    let rustix = vendored.join("rustix-");
    assert!(printed.contains(rustix.to_str().unwrap()), "{printed}");
    // Cargo does compare the hashes: another one is refused.
    let rustix = locked.iter().find(|pin| pin.name == "rustix").unwrap();
    let stem = format!("{}-{}", rustix.name, rustix.version);
    let checksum = vendored.join(stem).join(".cargo-checksum.json");
    let text = files::read_text(&checksum).unwrap();
    let other = text.replace(&rustix.sha256, &"0".repeat(64));
    files::write(&checksum, other.as_bytes()).unwrap();
    assert!(!metadata().status.success());
}

/// Rustup's home: cargo's program may be rustup's.
fn rustup() -> PathBuf {
    let named = std::env::var_os("RUSTUP_HOME").map(PathBuf::from);
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default());
    named.unwrap_or_else(|| home().join(".rustup"))
}
