//! What a saved machine can be resumed on: the same monitor on the same kind of host.

use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use kindling_base::{Error, Result, files};
use serde::{Deserialize, Serialize};

use crate::vmm::qemu;

/// A monitor and the host below it, as far as a saved machine depends on them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engine {
    /// `qemu`.
    pub name: String,
    /// The monitor's own version line.
    pub version: String,
    /// The format of the state: `QEMU_VM_FILE_VERSION` of QEMU's `migration/savevm.c`.
    pub format: String,
    /// The host's processor, as `/proc/cpuinfo` names it.
    pub cpu: String,
    /// The host's kernel release.
    pub host_kernel: String,
    /// The monitor's program: one that is the same file has the same version, and need not be run to say so.
    pub program: Program,
}

/// A program's file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Program {
    path: PathBuf,
    size: u64,
    modified_ns: i128,
}

impl Engine {
    /// QEMU on this host. Where the program is the one that `known` describes, it is not run.
    ///
    /// # Errors
    /// QEMU is not installed, or the host does not say what it is.
    pub fn of_this_host(known: Option<&Self>) -> Result<Self> {
        let program = Program::find(qemu::PROGRAM)?;
        let version = known
            .filter(|known| known.program == program)
            .map(|known| known.version.clone())
            .or_else(qemu::version)
            .ok_or_else(|| Error::external("QEMU does not tell its version"))?;
        Ok(Self {
            name: "qemu".to_owned(),
            version,
            format: "qemu-migration-3".to_owned(),
            cpu: processor()?,
            host_kernel: rustix::system::uname()
                .release()
                .to_string_lossy()
                .into_owned(),
            program,
        })
    }

    /// In what `self`, of a snapshot, differs from `here`: the field, the snapshot's value, this host's.
    pub fn differences<'a>(&'a self, here: &'a Self) -> Vec<[&'a str; 3]> {
        let fields = [
            ["engine", &self.name, &here.name],
            ["version", &self.version, &here.version],
            ["format", &self.format, &here.format],
            ["cpu", &self.cpu, &here.cpu],
            ["host_kernel", &self.host_kernel, &here.host_kernel],
        ];
        fields
            .into_iter()
            .filter(|[_, theirs, ours]| theirs != ours)
            .collect()
    }
}

impl Program {
    /// The program of this name that would be run.
    fn find(name: &str) -> Result<Self> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut candidates = std::env::split_paths(&path).map(|folder| folder.join(name));
        let path = candidates.find(|path| path.is_file()).ok_or_else(|| {
            Error::user(format!("`{name}` is not installed"))
                .hint("`kindling doctor` says what is missing")
        })?;
        let metadata = files::metadata(&path)?;
        let seconds = i128::from(metadata.mtime());
        Ok(Self {
            path,
            size: metadata.len(),
            modified_ns: seconds * 1_000_000_000 + i128::from(metadata.mtime_nsec()),
        })
    }
}

fn processor() -> Result<String> {
    let text = files::read_text(std::path::Path::new("/proc/cpuinfo"))?;
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    Ok(line
        .map_or("unknown", |rest| rest.trim_start_matches([' ', '\t', ':']))
        .to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn differences_show_both_sides() {
        let ours = Engine {
            name: "qemu".into(),
            version: "8.2.1".into(),
            format: "1".into(),
            cpu: "a".into(),
            host_kernel: "6.1".into(),
            program: Program {
                path: "/x".into(),
                size: 1,
                modified_ns: 2,
            },
        };
        let mut theirs = ours.clone();
        assert!(theirs.differences(&ours).is_empty());
        theirs.version = "7.2.22".into();
        theirs.cpu = "b".into();
        assert_eq!(
            theirs.differences(&ours),
            [["version", "7.2.22", "8.2.1"], ["cpu", "b", "a"]]
        );
    }

    #[test]
    fn a_program_that_is_not_there_is_named() {
        let error = Program::find("no-such-program").unwrap_err();
        assert_eq!(error.to_string(), "`no-such-program` is not installed");
    }
}
