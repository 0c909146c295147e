//! Programs of the guest through cargo, in a root of locked tools: the same paths, compiler and libraries everywhere.

use std::path::{Path, PathBuf};

use kindling_base::{Error, Result, files};
use kindling_sandbox::{BUILD, BuildRoot, Order};

use crate::linked::{Linked, Metadata, linked};
use crate::sources;

const TARGET: &str = "x86_64-unknown-linux-gnu";

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

/// Where a program is compiled, and what with.
#[derive(Clone, Copy, Debug)]
pub struct Workshop<'a> {
    /// Cargo, rustc, and what they link with.
    pub tools: &'a BuildRoot,
    /// A folder that cargo keeps its objects in. Its folder [`VENDOR`] has every crate that the program's lock pins, for
    /// cargo's `directory` source.
    pub work: &'a Path,
}

/// The folder of a work folder that holds crates of registries.
pub const VENDOR: &str = "vendor";

/// The folder of a work folder that holds the sources.
const SOURCES: &str = "src";

/// A compiled program.
#[derive(Debug)]
pub struct Compiled {
    /// Its file.
    pub bytes: Vec<u8>,
    /// The crates that are linked into it.
    pub linked: Linked,
}

/// Compiles a program.
///
/// # Errors
/// Cargo failed; the error has the end of what it printed.
pub fn compile(target: &Target<'_>, workshop: &Workshop<'_>) -> Result<Compiled> {
    let work = files::absolute(workshop.work)?;
    let within = sources::copy(target.source, &work.join(SOURCES))?;
    let cargo = Cargo {
        tools: workshop.tools,
        work: &work,
        folder: &Path::new(SOURCES).join(&within),
    };
    let metadata = cargo.metadata()?;
    cargo.build(target)?;
    let built = work.join("target").join(TARGET).join("release");
    Ok(Compiled {
        bytes: files::read(&built.join(target.package))?,
        linked: linked(&metadata, &target.source.join("Cargo.lock"))?,
    })
}

/// Cargo in the folder of a program, without a network.
struct Cargo<'a> {
    tools: &'a BuildRoot,
    work: &'a Path,
    folder: &'a Path,
}

impl Cargo<'_> {
    fn build(&self, target: &Target<'_>) -> Result<()> {
        let target_dir = format!("{BUILD}/target");
        let args = ["build", "--release", "--target", TARGET];
        let own = ["--package", target.package, "--target-dir", &target_dir];
        self.run(&[&args[..], &own].concat(), &flags(target.flags), |_| {})
    }

    fn metadata(&self) -> Result<Metadata> {
        let args = [
            "metadata",
            "--format-version=1",
            "--filter-platform",
            TARGET,
        ];
        let mut json = String::new();
        self.run(&args, "", |line| {
            if line.starts_with('{') {
                line.clone_into(&mut json);
            }
        })?;
        serde_json::from_str(&json).map_err(|error| {
            Error::internal("cannot read what `cargo metadata` printed").because(error)
        })
    }

    fn run(&self, args: &[&str], flags: &str, line: impl FnMut(&str) + Send) -> Result<()> {
        let vendored = format!("source.vendored.directory=\"{BUILD}/{VENDOR}\"");
        let sources = [
            "--locked",
            "--offline",
            "--config",
            "source.crates-io.replace-with=\"vendored\"",
            "--config",
            &vendored,
        ];
        let argv = ["cargo"].iter().chain(args).chain(&sources);
        let env = [
            ("CARGO_HOME", format!("{BUILD}/cargo")),
            ("CARGO_ENCODED_RUSTFLAGS", flags.to_owned()),
        ];
        let order = Order {
            argv: argv.map(|arg| (*arg).to_owned()).collect(),
            env: env.map(|(name, value)| (name.to_owned(), value)).to_vec(),
            build: self.work,
            folder: &self.folder.to_string_lossy(),
        };
        self.tools.run(&order, &self.log(), line)
    }

    fn log(&self) -> PathBuf {
        self.work.join("cargo.log")
    }
}

/// Compiler flags, in cargo's encoding. Panic messages name crates, not the folders of the build.
fn flags(own: &[&str]) -> String {
    let remaps = [SOURCES, VENDOR].map(|folder| format!("--remap-path-prefix={BUILD}/{folder}/="));
    // The oldest x86-64 processor; fixed addresses need no relocation.
    ["-Ctarget-cpu=x86-64", "-Crelocation-model=static"]
        .iter()
        .chain(own)
        .map(|&flag| flag.to_owned())
        .chain(remaps)
        .collect::<Vec<_>>()
        .join("\x1f")
}
