//! A program of the guest through cargo, so that its bytes do not tell where or by whom it was compiled.

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

/// Compiles the `program` of the workspace in `source` with these compiler flags besides those that all programs of the
/// guest have; returns its path. `work` is a folder that cargo keeps its objects in.
///
/// # Errors
/// Cargo failed.
pub(crate) fn compile(
    source: &Path,
    program: &str,
    extra: &[&str],
    work: &Path,
) -> Result<PathBuf> {
    let source = files::absolute(source)?;
    let work = files::absolute(work)?;
    files::create_dir_all(&work)?;
    let flags = flags(extra, &packages(&source)?);
    cargo(&source)
        .args(["build", "--release", "--locked", "--target", TARGET])
        .arg("--target-dir")
        .arg(&work)
        .env("CARGO_ENCODED_RUSTFLAGS", flags)
        .log(work.join("cargo.log"))
        .run()?;
    Ok(work.join(TARGET).join("release").join(program))
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
fn flags(extra: &[&str], packages: &[(String, String)]) -> String {
    let remaps = packages
        .iter()
        .map(|(folder, name)| format!("--remap-path-prefix={folder}={name}"));
    // The oldest x86-64 processor, whatever a person's configuration says; fixed addresses need no relocation.
    ["-Ctarget-cpu=x86-64", "-Crelocation-model=static"]
        .iter()
        .chain(extra)
        .map(|flag| (*flag).to_owned())
        .chain(remaps)
        .collect::<Vec<_>>()
        .join("\x1f")
}
