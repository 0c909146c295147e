//! Programs of the guest through cargo, so that their bytes do not tell where or by whom they were compiled.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use kindling_base::{Command, Error, Result, files};

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
pub(crate) struct Target<'a> {
    /// The folder of its crate.
    pub(crate) source: &'a Path,
    /// Its package, whose program is called the same.
    pub(crate) package: &'a str,
    /// Compiler flags besides those that every program gets.
    pub(crate) flags: &'a [&'a str],
    /// Settings of cargo, each `KEY=VALUE`.
    pub(crate) config: &'a [&'a str],
}

/// The path of the compiled program. `work` is a folder that cargo keeps its objects in.
///
/// # Errors
/// Cargo failed; the error has the end of what it printed.
pub(crate) fn compile(target: &Target<'_>, work: &Path) -> Result<PathBuf> {
    let source = target.source;
    let source = files::absolute(source)?;
    let work = files::absolute(work)?;
    files::create_dir_all(&work)?;
    let flags = flags(&packages(&source)?, target.flags);
    cargo(&source)
        .args(["build", "--release", "--locked", "--target", TARGET])
        .args(["--package", target.package])
        .args(target.config.iter().flat_map(|pair| ["--config", *pair]))
        .arg("--target-dir")
        .arg(&work)
        .env("CARGO_ENCODED_RUSTFLAGS", flags)
        .log(work.join("cargo.log"))
        .run()?;
    Ok(work.join(TARGET).join("release").join(target.package))
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

/// The folder of every crate that is compiled, with the name that it shall have in panic messages.
fn packages(source: &Path) -> Result<Vec<(String, String)>> {
    #[derive(serde::Deserialize)]
    struct Metadata {
        packages: Vec<Package>,
    }
    #[derive(serde::Deserialize)]
    struct Package {
        name: String,
        version: String,
        manifest_path: String,
    }
    let output = cargo(source)
        .args(["metadata", "--format-version=1", "--locked"])
        .args(["--filter-platform", TARGET])
        .run()?;
    let metadata: Metadata = serde_json::from_slice(&output.stdout).map_err(|error| {
        Error::internal("cannot read what `cargo metadata` printed").because(error)
    })?;
    let folder = |package: &Package| {
        let folder = package.manifest_path.strip_suffix("/Cargo.toml")?;
        Some((
            folder.to_owned(),
            format!("{}-{}", package.name, package.version),
        ))
    };
    Ok(metadata.packages.iter().filter_map(folder).collect())
}

/// Compiler flags, in cargo's encoding. Given in the environment, they replace those of any configuration file.
fn flags(packages: &[(String, String)], own: &[&str]) -> String {
    let remaps = packages
        .iter()
        .map(|(folder, name)| format!("--remap-path-prefix={folder}={name}"));
    // The oldest x86-64 processor, whatever a person's configuration says; fixed addresses need no relocation.
    ["-Ctarget-cpu=x86-64", "-Crelocation-model=static"]
        .iter()
        .chain(own)
        .map(|&flag| flag.to_owned())
        .chain(remaps)
        .collect::<Vec<_>>()
        .join("\x1f")
}
