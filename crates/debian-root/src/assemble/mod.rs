//! Assembly: from .deb files to a configured tree in one tar.

pub(crate) mod job;

use std::path::{Path, PathBuf};

use kindling_base::{Error, Event, Reporter, Result, Unit, files};
use kindling_sandbox::Job;

use job::{Spec, perform};

/// The work of one [`assemble`].
#[derive(Clone, Debug)]
pub struct Assembly<'a> {
    /// The packages: a set in which all dependencies are met. Their order does not matter.
    pub debs: &'a [PathBuf],
    /// Seconds since 1970 that nothing in the tree is younger than.
    pub epoch: i64,
    /// Results of layers to which the packages are added, the lowest first; for a whole tree none.
    pub base: &'a [PathBuf],
    /// The packages of those layers.
    pub below: &'a [PathBuf],
    /// An empty or missing folder to work in.
    pub work: &'a Path,
    /// The folder to which [`TREE`](crate::TREE) is written.
    pub out: &'a Path,
    /// Gets the output of all scripts.
    pub log: &'a Path,
    /// An executable whose `main` calls [`kindling_sandbox::main_if_reexecuted`] with [`ASSEMBLE`]: `std::env::current_exe()`.
    pub helper: &'a Path,
    /// Keeps the folder `work/root` when all went well; [`kindling_sandbox::remove`] removes it.
    pub keep_root: bool,
}

/// Unpacks and configures the packages and freezes the tree as `out/tree.tar`, the same bytes for the same
/// packages and epoch. Reports [`Event::Progress`] in [`Unit::Packages`] for the stage `packages`.
///
/// # Errors
/// A .deb is unsound, two of them have one file, a maintainer script failed, or the machine forbids the
/// namespaces in which scripts run.
pub fn assemble(assembly: &Assembly<'_>, reporter: &dyn Reporter) -> Result<()> {
    let total = assembly.debs.len() as u64;
    let progress = |done| {
        reporter.report(Event::Progress {
            stage: "packages",
            unit: Unit::Packages,
            done,
            total: Some(total),
        });
    };
    files::create_dir_all(assembly.work)?;
    files::create_dir_all(assembly.out)?;
    let absolute = |paths: &[PathBuf]| -> Result<Vec<PathBuf>> {
        paths.iter().map(|path| files::absolute(path)).collect()
    };
    let spec = Spec {
        debs: absolute(assembly.debs)?,
        base: absolute(assembly.base)?,
        below: absolute(assembly.below)?,
        epoch: assembly.epoch,
        root: files::absolute(assembly.work)?.join("root"),
        out: files::absolute(assembly.out)?,
        log: files::absolute(assembly.log)?,
        keep_root: assembly.keep_root,
    };
    let spec = serde_json::to_vec(&spec)
        .map_err(|error| Error::internal("cannot describe the assembly").because(error))?;
    progress(0);
    kindling_sandbox::perform(assembly.helper, assembly.log, ASSEMBLE, &spec, progress)
}

/// The job behind [`assemble`], for the executable that is its helper.
pub const ASSEMBLE: Job = Job {
    name: "assemble",
    perform: |input, progress| {
        let spec = serde_json::from_slice(input)
            .map_err(|error| Error::internal("cannot read the sandbox's job").because(error))?;
        perform(&spec, progress)
    },
};
