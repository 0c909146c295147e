//! A stage of a build: its name, the key of its result, and how the result is found, checked and made.

use std::path::{Path, PathBuf};
use std::time::Instant;

use kindling_base::{Event, Lock, Outcome, Reporter, Result, files};
use kindling_store::{Store, seal};

/// Downloads of .debs and of packages of npm.
pub const DOWNLOAD: &str = "download";
/// The kernel's source: its download, and the tarball out of its package.
pub const SOURCE: &str = "source";
/// The root of the tools that compile Linux.
pub const LINUX_TOOLS: &str = "linux-tools";
/// The root of the tools that compile programs of the guest.
pub const RUST_TOOLS: &str = "rust-tools";
/// The kernel.
pub const KERNEL: &str = "kernel";
/// PID 1 and its cpio.
pub const INITRAMFS: &str = "initramfs";
/// Programs of this project for the guest.
pub const PROGRAM: &str = "program";
/// The guest's agent.
pub const AGENT: &str = "agent";
/// Unpacked and configured packages, frozen.
pub const PACKAGES: &str = "packages";
/// A package of npm, checked and unzipped.
pub const NPM: &str = kindling_npm_tree::STAGE;
/// The ext4 image.
pub const ROOTFS: &str = "rootfs";
/// The report on what would fail at boot.
pub const LINT: &str = "lint";
/// The folder that a launcher gets.
pub const BUNDLE: &str = "bundle";

/// The stages whose results each stage waits for, where it has to be made.
const NEEDS: [(&str, &[&str]); 10] = [
    (SOURCE, &[]),
    (KERNEL, &[SOURCE, LINUX_TOOLS, PACKAGES]),
    (INITRAMFS, &[KERNEL, RUST_TOOLS, PACKAGES]),
    (AGENT, &[RUST_TOOLS]),
    (PROGRAM, &[RUST_TOOLS]),
    (PACKAGES, &[DOWNLOAD]),
    (NPM, &[DOWNLOAD]),
    (ROOTFS, &[PACKAGES, DOWNLOAD, AGENT, PROGRAM]),
    (LINT, &[ROOTFS, KERNEL, INITRAMFS]),
    (BUNDLE, &[LINT, ROOTFS, KERNEL, INITRAMFS]),
];

/// The names of the stages that `stage` waits for.
pub(crate) fn needs(stage: &str) -> &'static [&'static str] {
    let known = NEEDS.iter().find(|(name, _)| *name == stage);
    known.map_or(&[], |(_, needs)| needs)
}

/// One stage of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    /// Its name, as events and the store show it.
    pub name: &'static str,
    /// The key of its result: same key, same bytes.
    pub key: String,
    /// The file in its folder that bundles share, and that is sealed for this reason.
    artifact: Option<&'static str>,
}

impl Stage {
    pub(crate) fn new(name: &'static str, key: String) -> Self {
        Self {
            name,
            key,
            artifact: None,
        }
    }

    pub(crate) fn with_artifact(mut self, file: &'static str) -> Self {
        self.artifact = Some(file);
        self
    }

    /// The folder of its result, if the store has it.
    pub fn result(&self, store: &Store) -> Option<PathBuf> {
        store.stage(self.name, &self.key)
    }

    /// The result, if the store has it as it was made; reported as cached. A result whose artifact somebody has changed,
    /// most likely through the bundle that shares it, is forgotten.
    pub(crate) fn cached(&self, store: &Store, reporter: &dyn Reporter) -> Result<Option<PathBuf>> {
        let started = Instant::now();
        let Some(folder) = self.result(store) else {
            return Ok(None);
        };
        if let Some(file) = self.artifact
            && !seal::is_intact(&folder.join(file))?
        {
            let problem = format!("{file} was changed after it was built; making it again");
            reporter.report(Event::Warning(problem));
            store.discard(self.name, &self.key, || note_waiting(self.name, reporter))?;
            return Ok(None);
        }
        finished(self.name, Outcome::Cached, started, &folder, reporter)?;
        Ok(Some(folder))
    }

    /// Makes the result in an empty folder, unless another build has made it meanwhile, and seals its artifact. `make`
    /// may return the artifact's SHA-256 if it knows it.
    pub(crate) fn make(
        &self,
        detail: &str,
        store: &Store,
        reporter: &dyn Reporter,
        make: impl FnOnce(&Path) -> Result<Option<String>>,
    ) -> Result<PathBuf> {
        let started = Instant::now();
        let make = |out: &Path| {
            start(self.name, detail, reporter);
            let sha256 = make(out)?;
            match (self.artifact, sha256) {
                (Some(file), Some(sha256)) => seal::seal_hashed(&out.join(file), &sha256),
                (Some(file), None) => seal::seal(&out.join(file)),
                (None, _) => Ok(()),
            }
        };
        let waiting = || note_waiting(self.name, reporter);
        let made = store.stage_or_make(self.name, &self.key, waiting, make);
        let (folder, outcome) = made.context_stage(self.name)?;
        finished(self.name, outcome, started, &folder, reporter)?;
        Ok(folder)
    }
}

/// Puts the stage's name before an error.
trait ContextStage<T> {
    fn context_stage(self, stage: &str) -> Result<T>;
}

impl<T> ContextStage<T> for Result<T> {
    fn context_stage(self, stage: &str) -> Result<T> {
        self.map_err(|error| error.within(format!("stage `{stage}`")))
    }
}

/// Reports that a stage begins.
pub(crate) fn start(stage: &'static str, detail: &str, reporter: &dyn Reporter) {
    let detail = detail.to_owned();
    reporter.report(Event::Started { stage, detail });
}

/// Reports that a stage has ended, with the size of what is at `result`.
pub(crate) fn finished(
    stage: &'static str,
    outcome: Outcome,
    started: Instant,
    result: &Path,
    reporter: &dyn Reporter,
) -> Result<()> {
    let (elapsed, bytes) = (started.elapsed(), files::size_below(result)?);
    reporter.report(Event::Finished {
        stage,
        outcome,
        elapsed,
        bytes,
    });
    Ok(())
}

/// A work folder of the store, ours until the lock is dropped.
pub(crate) fn work(name: &str, store: &Store, reporter: &dyn Reporter) -> Result<(PathBuf, Lock)> {
    store.work(name, || note_waiting(name, reporter))
}

fn note_waiting(what: &str, reporter: &dyn Reporter) {
    reporter.report(Event::Note(format!(
        "waiting for another build that is at `{what}`"
    )));
}
