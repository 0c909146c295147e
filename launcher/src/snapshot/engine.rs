//! The engine that a saved machine needs: the same monitor on the same kind of host.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use kindling_base::{Command, Error, Result, files};
use serde::{Deserialize, Serialize};

use crate::vm::spec::Spec;
use crate::vmm::Vmm;
use crate::vmm::{firecracker, qemu};

/// A monitor and the host below it, as far as a saved machine depends on them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Engine {
    /// `qemu` or `firecracker`.
    pub name: String,
    /// The monitor's own version line.
    pub version: String,
    /// The format of the state.
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
    /// The engine that would run `spec` on this host. If its program is the file that `known` describes, it is not run to ask
    /// for its version.
    ///
    /// # Errors
    /// It is not installed, or does not say what it is.
    pub fn of(spec: &Spec, known: Option<&Self>) -> Result<Self> {
        let path = match &spec.firecracker {
            Some(settings) => settings.program.clone(),
            None => qemu_program()?,
        };
        let ask = || match spec.vmm {
            Vmm::Qemu => ask_qemu(),
            Vmm::Firecracker => ask_firecracker(&path),
        };
        let program = Program::look(&path)?;
        let [version, format] = known
            .filter(|known| known.program == program)
            .map(|known| [known.version.clone(), known.format.clone()])
            .or_else(ask)
            .ok_or_else(|| {
                Error::external(format!("{} does not tell its version", path.display()))
                    .hint("`kindling doctor` says what is wrong with it")
            })?;
        Ok(Self {
            name: spec.vmm.name().to_owned(),
            version,
            format,
            cpu: processor()?,
            host_kernel: rustix::system::uname()
                .release()
                .to_string_lossy()
                .into_owned(),
            program,
        })
    }

    /// The differences between `self`, of a snapshot, and `here`: field, the snapshot's value, this host's.
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
    fn look(path: &Path) -> Result<Self> {
        let metadata = files::metadata(path)?;
        let seconds = i128::from(metadata.mtime());
        Ok(Self {
            path: path.to_owned(),
            size: metadata.len(),
            modified_ns: seconds * 1_000_000_000 + i128::from(metadata.mtime_nsec()),
        })
    }
}

/// The QEMU that would be run.
fn qemu_program() -> Result<PathBuf> {
    firecracker::in_path(qemu::PROGRAM).ok_or_else(|| {
        Error::user(format!("`{}` is not installed", qemu::PROGRAM))
            .hint("`kindling doctor` says what is missing")
    })
}

/// Version and format of the state.
fn ask_qemu() -> Option<[String; 2]> {
    // `QEMU_VM_FILE_VERSION` of QEMU's `migration/savevm.c`; what devices write is of the version.
    Some([qemu::version()?, "qemu-migration-3".to_owned()])
}

/// Version and format of the state: Firecracker tells both.
fn ask_firecracker(program: &Path) -> Option<[String; 2]> {
    let ask = |flag: &str| {
        let output = Command::new(program).arg(flag).run().ok()?;
        output.text().lines().next().map(str::to_owned)
    };
    Some([ask("--version")?, ask("--snapshot-version")?])
}

fn processor() -> Result<String> {
    let text = files::read_text(Path::new("/proc/cpuinfo"))?;
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
}
