//! Programs of this project that run in the guest: static, so that they run on every distribution's libraries.
//!
//! `programs = ["open"]` in a recipe's `[rootfs]` compiles `crates/open`, whose package and program are called
//! `kindling-open`, to `/usr/lib/kindling/open`. An overlay links it to where people look for it.

use std::path::{Path, PathBuf};

use kindling_base::hash::{self, Hasher};
use kindling_base::{Error, Result, did_you_mean, files};

use crate::compile::{Target, compile};
use crate::linked;
use crate::sources::hash_sources;

/// A program to compile.
#[derive(Clone, Debug)]
pub struct Program {
    /// Name in the guest, and of the folder of its crate.
    pub name: String,
    /// The folder of its crate.
    pub folder: PathBuf,
    /// Hash of its source and of the versions of all it depends on.
    pub sources: String,
}

/// Looks a program up in the folder of crates.
///
/// # Errors
/// There is no such crate, or its source cannot be read.
pub fn read(crates: &Path, name: &str) -> Result<Program> {
    let folder = crates.join(name);
    if !folder.join("src/main.rs").is_file() {
        return Err(unknown(crates, name));
    }
    let mut sources = Hasher::new();
    sources.field(hash_sources(&folder)?);
    // The workspace's, above the crates: it pins the dependencies.
    let folder = std::fs::canonicalize(&folder).unwrap_or(folder);
    for above in folder.ancestors().skip(1) {
        let lock = above.join("Cargo.lock");
        if lock.is_file() {
            sources.field(hash::bytes(&files::read(&lock)?));
            break;
        }
    }
    Ok(Program {
        name: name.to_owned(),
        folder,
        sources: sources.finish(),
    })
}

fn unknown(crates: &Path, name: &str) -> Error {
    let entries = crates.read_dir().into_iter().flatten().flatten();
    let programs = entries.filter(|entry| entry.path().join("src/main.rs").is_file());
    let mut names: Vec<String> = programs
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort_unstable();
    let hint = did_you_mean(name, &names)
        .unwrap_or_else(|| format!("the programs there are: {}", names.join(", ")));
    let folder = crates.display();
    Error::user(format!("there is no program `{name}` in {folder}")).hint(hint)
}

/// Compiles a program to `out/NAME`. `work` is a folder that cargo keeps its objects in.
///
/// # Errors
/// Cargo failed, or a file cannot be read or written.
pub fn build(program: &Program, work: &Path, out: &Path) -> Result<()> {
    let package = format!("kindling-{}", program.name);
    let target = Target {
        source: &program.folder,
        package: &package,
        // The C library is linked in: the guest's may be older than the one here.
        flags: &["-Ctarget-feature=+crt-static"],
        // For size: each page of it is read from the guest's disk when it starts.
        config: &[
            "profile.release.opt-level=\"s\"",
            "profile.release.lto=\"fat\"",
            "profile.release.codegen-units=1",
            "profile.release.panic=\"abort\"",
            "profile.release.strip=true",
            "profile.release.debug=false",
        ],
    };
    let compiled = compile(&target, work)?;
    linked::write(out, &[compiled.linked])?;
    files::write_atomic(&out.join(&program.name), &compiled.bytes, 0o755)
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
}
