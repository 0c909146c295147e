//! Programs of this project that run in the guest: static, so that they run on every distribution's libraries.
//!
//! `programs = ["open"]` in a recipe's `[rootfs]` compiles `crates/open`, whose package and program are called
//! `kindling-open`, to `/usr/lib/kindling/open`. An overlay links it to where people look for it.

use std::path::{Path, PathBuf};

use kindling_base::{Error, Result, did_you_mean, files};

use crate::compile::{Target, Workshop, compile};
use crate::linked;
use crate::sources::hash_sources;

/// The most that a program may weigh.
pub const LIMIT_BYTES: usize = 8 << 20;

/// A program to compile.
#[derive(Clone, Debug)]
pub struct Program {
    /// Name in the guest, and of the folder of its crate.
    pub name: String,
    /// The folder of its crate.
    pub folder: PathBuf,
    /// Hash of its sources, its lock and those of our crates that it depends on.
    pub sources: String,
}

/// Looks a program up in the folder of crates.
///
/// # Errors
/// There is no such program, or its sources cannot be read.
pub fn read(crates: &Path, name: &str) -> Result<Program> {
    let folder = crates.join(name);
    if !is_program(&folder) {
        return Err(unknown(crates, name));
    }
    Ok(Program {
        name: name.to_owned(),
        sources: hash_sources(&folder)?,
        folder,
    })
}

/// Whether this is the crate of a program of the guest: a workspace of its own.
fn is_program(folder: &Path) -> bool {
    let is_there = |name| folder.join(name).is_file();
    is_there("src/main.rs") && is_there("Cargo.lock")
}

fn unknown(crates: &Path, name: &str) -> Error {
    let entries = crates.read_dir().into_iter().flatten().flatten();
    let programs = entries.filter(|entry| is_program(&entry.path()));
    let mut names: Vec<String> = programs
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort_unstable();
    let hint = did_you_mean(name, &names)
        .unwrap_or_else(|| format!("the programs there are: {}", names.join(", ")));
    let folder = crates.display();
    Error::user(format!("there is no program `{name}` in {folder}")).hint(hint)
}

/// Compiles the program called `name`, whose crate is in `folder`, to `out/NAME`.
///
/// # Errors
/// Cargo failed, the program would weigh more than [`LIMIT_BYTES`], or a file cannot be read or written.
pub fn build(folder: &Path, name: &str, workshop: &Workshop<'_>, out: &Path) -> Result<()> {
    let target = Target {
        source: folder,
        package: &format!("kindling-{name}"),
        // The C library is linked in: the guest's may be older than the one here.
        flags: &["-Ctarget-feature=+crt-static"],
    };
    let compiled = compile(&target, workshop)?;
    check_size(name, compiled.bytes.len())?;
    files::create_dir_all(out)?;
    linked::write(out, &[compiled.linked])?;
    files::write_atomic(&out.join(name), &compiled.bytes, 0o755)
}

fn check_size(name: &str, bytes: usize) -> Result<()> {
    if bytes <= LIMIT_BYTES {
        return Ok(());
    }
    Err(Error::user(format!(
        "the program `{name}` is too large: {bytes} bytes, at most {LIMIT_BYTES} are allowed"
    ))
    .hint("look for what made it grow: a new dependency, most likely"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_program_is_told() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let report = read(crates, "opn").unwrap_err().report();
        assert!(report.contains("there is no program `opn` in "), "{report}");
        assert!(report.contains("hint: did you mean `open`?"), "{report}");
        assert_eq!(read(crates, "open").unwrap().sources.len(), 64);
    }

    #[test]
    fn a_crate_of_the_builder_is_no_program_of_the_guest() {
        let crates = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        assert!(crates.join("base").is_dir());
        let report = read(crates, "base").unwrap_err().report();
        assert!(
            report.contains("hint: the programs there are: agent, open"),
            "{report}"
        );
    }

    #[test]
    fn too_much_is_refused_with_both_numbers() {
        check_size("open", LIMIT_BYTES).unwrap();
        let report = check_size("open", LIMIT_BYTES + 1).unwrap_err().report();
        assert!(
            report.contains("8388609 bytes, at most 8388608"),
            "{report}"
        );
    }
}
