//! Programs of the guest through cargo, so that their bytes do not tell where or by whom they were compiled.

use std::ffi::OsString;
use std::path::Path;

use kindling_base::{Command, Error, Result, files};

use crate::linked::{Linked, Metadata, linked};

const TARGET: &str = "x86_64-unknown-linux-gnu";

/// Variables that say where cargo and rustup live and how they reach a registry. The lock pins every hash, so that
/// none of them changes the result.
const PASSED: [&str; 10] = [
    "CARGO_HOME",
    "RUSTUP_HOME",
    "RUSTUP_TOOLCHAIN",
    "SSL_CERT_FILE",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
];

/// The same, by the beginning of the name.
const PASSED_PREFIXES: [&str; 4] = [
    "CARGO_HTTP_",
    "CARGO_NET_",
    "CARGO_REGISTR",
    "CARGO_SOURCE_",
];

/// A program to compile.
#[derive(Clone, Copy, Debug)]
pub struct Target<'a> {
    /// The folder of its crate.
    pub source: &'a Path,
    /// Its package, whose program is called the same.
    pub package: &'a str,
    /// Compiler flags besides those that every program gets.
    pub flags: &'a [&'a str],
}

/// A compiled program.
#[derive(Debug)]
pub struct Compiled {
    /// Its file.
    pub bytes: Vec<u8>,
    /// The crates that are linked into it.
    pub linked: Linked,
}

/// Compiles a program. `work` is a folder that cargo keeps its objects in.
///
/// # Errors
/// Cargo failed; the error has the end of what it printed.
pub fn compile(target: &Target<'_>, work: &Path) -> Result<Compiled> {
    let source = target.source;
    let source = files::absolute(source)?;
    let work = files::absolute(work)?;
    files::create_dir_all(&work)?;
    let metadata = metadata(&source)?;
    let flags = flags(&metadata, target.flags);
    cargo(&source)
        .args(["build", "--release", "--locked", "--target", TARGET])
        .args(["--package", target.package])
        .arg("--target-dir")
        .arg(&work)
        .env("CARGO_ENCODED_RUSTFLAGS", flags)
        .log(work.join("cargo.log"))
        .run()?;
    let program = work.join(TARGET).join("release").join(target.package);
    Ok(Compiled {
        bytes: files::read(&program)?,
        linked: linked(&metadata)?,
    })
}

/// Cargo in the folder of the sources.
fn cargo(source: &Path) -> Command {
    let passed = |key: &OsString| {
        let key = key.to_string_lossy();
        PASSED.contains(&&*key) || PASSED_PREFIXES.iter().any(|p| key.starts_with(p))
    };
    std::env::vars_os()
        .filter(|(key, _)| passed(key))
        .fold(Command::new("cargo"), |command, (key, value)| {
            command.env(key, value)
        })
        .directory(source)
}

fn metadata(source: &Path) -> Result<Metadata> {
    let output = cargo(source)
        .args(["metadata", "--format-version=1", "--locked"])
        .args(["--filter-platform", TARGET])
        .run()?;
    serde_json::from_slice(&output.stdout).map_err(|error| {
        Error::internal("cannot read what `cargo metadata` printed").because(error)
    })
}

/// Compiler flags, in cargo's encoding. Given in the environment, they replace those of any configuration file. Panic messages
/// name crates, not their folders.
fn flags(metadata: &Metadata, own: &[&str]) -> String {
    let remaps = metadata.packages.iter().filter_map(|package| {
        let folder = package.manifest_path.strip_suffix("/Cargo.toml")?;
        let (name, version) = (&package.name, &package.version);
        Some(format!("--remap-path-prefix={folder}={name}-{version}"))
    });
    // The oldest x86-64 processor, whatever a person's configuration says; fixed addresses need no relocation.
    ["-Ctarget-cpu=x86-64", "-Crelocation-model=static"]
        .iter()
        .chain(own)
        .map(|&flag| flag.to_owned())
        .chain(remaps)
        .collect::<Vec<_>>()
        .join("\x1f")
}
