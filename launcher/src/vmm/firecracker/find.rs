//! Finding Firecracker and its jailer on this machine.

use std::path::{Path, PathBuf};

use kindling_base::{Command, Error, Result, files};
use serde::Serialize;

use super::version::{self, Version};

/// Names the program where no option does.
pub const VARIABLE: &str = "KINDLING_FIRECRACKER";
/// Names the jailer where it is not beside Firecracker.
pub const JAILER_VARIABLE: &str = "KINDLING_JAILER";

const PROGRAM: &str = "firecracker";
const JAILER: &str = "jailer";

/// A program that has told its version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Binary {
    /// Its path.
    pub path: PathBuf,
    /// Its version, [`MINIMUM`](super::MINIMUM) or newer.
    pub version: Version,
}

/// The Firecracker to use: `given` by an option, else by [`VARIABLE`], else the first in PATH.
///
/// # Errors
/// It is not installed, does not run, or is too old.
pub(crate) fn find(given: Option<&Path>) -> Result<Binary> {
    let path = locate(given).ok_or_else(|| {
        Error::user("there is no Firecracker here").hint(format!(
            "install a release of Firecracker and put it into PATH, or name it with --firecracker PATH or {VARIABLE}; \
             --vmm qemu needs none"
        ))
    })?;
    ask(&path)
}

/// The jailer that belongs to `firecracker`: named by [`JAILER_VARIABLE`], else beside it, else in PATH.
///
/// # Errors
/// It is not installed, does not run, or is too old.
pub(crate) fn jailer(firecracker: &Path) -> Result<Binary> {
    let named = std::env::var_os(JAILER_VARIABLE).filter(|value| !value.is_empty());
    let beside = || Some(firecracker.with_file_name(JAILER)).filter(|path| path.is_file());
    let path = named
        .map(PathBuf::from)
        .or_else(beside)
        .or_else(|| in_path(JAILER));
    let path = path.ok_or_else(|| {
        Error::user("there is no jailer here").hint(format!(
            "it comes with Firecracker's releases: put it beside {}, or name it with {JAILER_VARIABLE}",
            firecracker.display()
        ))
    })?;
    ask(&path)
}

/// The path of the Firecracker that would be run; it is not run.
pub(crate) fn locate(given: Option<&Path>) -> Option<PathBuf> {
    let named = || std::env::var_os(VARIABLE).filter(|value| !value.is_empty());
    let given = given.map(Path::to_owned);
    given
        .or_else(|| named().map(PathBuf::from))
        .or_else(|| in_path(PROGRAM))
}

/// Runs `path --version`.
fn ask(path: &Path) -> Result<Binary> {
    let path = files::absolute(path)?;
    let shown = path.display().to_string();
    let output = Command::new(&path).arg("--version").run()?;
    let version = version::in_output(&output.text()).ok_or_else(|| {
        Error::external(format!("{shown} does not tell its version"))
            .note(format!("it said: {}", output.text()))
            .hint(format!(
                "name Firecracker's own program with --firecracker PATH or {VARIABLE}"
            ))
    })?;
    version.check(&shown)?;
    Ok(Binary { path, version })
}

/// A program in PATH.
pub(crate) fn in_path(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    let mut candidates = std::env::split_paths(&path).map(|folder| folder.join(name));
    candidates.find(|path| {
        rustix::fs::access(path, rustix::fs::Access::EXEC_OK).is_ok() && path.is_file()
    })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn program(folder: &Path, says: &str) -> PathBuf {
        let path = folder.join(PROGRAM);
        std::fs::write(&path, format!("#!/bin/sh\necho '{says}'\n")).unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        path
    }

    #[test]
    fn a_program_is_what_it_says() {
        let folder = tempfile::tempdir().unwrap();
        let path = program(folder.path(), "Firecracker v1.16.1");
        let found = find(Some(&path)).unwrap();
        assert_eq!(found.version.to_string(), "1.16.1");
        assert_eq!(found.path, path);

        let path = program(folder.path(), "Firecracker v1.4.0");
        assert!(
            find(Some(&path))
                .unwrap_err()
                .report()
                .contains("is too old")
        );
        let path = program(folder.path(), "hello");
        let report = find(Some(&path)).unwrap_err().report();
        assert!(
            report.contains("does not tell its version") && report.contains("hello"),
            "{report}"
        );
        let missing = find(Some(&folder.path().join("nothing"))).unwrap_err();
        assert!(
            missing.report().contains("cannot start"),
            "{}",
            missing.report()
        );
    }
}
