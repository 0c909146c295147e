//! The lint stage: what would fail at boot is found before there is a bundle.

use std::path::PathBuf;

use kindling_base::{Error, Event, Result, files};
use kindling_fetch::FetchError;
use kindling_lint::{Image, Initramfs, Judged, Kernel, Waiver};
use kindling_npm_tree::LockedNpm;

use super::Run;
use crate::bundle::Parts;
use crate::plan::stage;
use crate::{initramfs, kernel, rootfs};

/// Name of the report in its stage's folder.
const REPORT: &str = "report.json";
/// Bytes of the kernel's file that tell what it is.
const HEAD: usize = 64;

impl Run<'_> {
    /// Fails if something in the image would fail at boot and the recipe does not waive it.
    ///
    /// What a build warns of is warned of again when the stage is in the store.
    pub(crate) fn lint(&self, parts: &Parts) -> Result<(), FetchError> {
        let folder = match self.cached(stage::LINT, &self.plan.lint) {
            Some(folder) => folder,
            None => self.lint_stage(parts)?,
        };
        let path = folder.join(REPORT);
        let judged: Judged = serde_json::from_slice(&files::read(&path)?).map_err(|error| {
            Error::external(format!("{} is no report", path.display())).because(error)
        })?;
        self.warn_of_unused(judged);
        Ok(())
    }

    fn lint_stage(&self, parts: &Parts) -> Result<PathBuf, FetchError> {
        let (packages, npm) = (self.package_layers()?, self.npm()?);
        let detail = "looking for what would fail at boot";
        Ok(self.stage(stage::LINT, &self.plan.lint, detail, |out| {
            let judged = self.judge(&packages, &npm, parts)?;
            if !judged.findings.is_empty() {
                let error = failure(&judged);
                self.warn_of_unused(judged);
                return Err(error);
            }
            let json = serde_json::to_string_pretty(&judged)
                .map_err(|error| Error::internal("the report does not serialise").because(error))?;
            files::write(&out.join(REPORT), json.as_bytes())
        })?)
    }

    /// What the rules find, waivers applied.
    pub(crate) fn lint_report(&self, parts: &Parts) -> Result<Judged, FetchError> {
        let (packages, npm) = (self.package_layers()?, self.npm()?);
        let judged = self.judge(&packages, &npm, parts)?;
        Ok(self.without_inherited(judged))
    }

    fn warn_of_unused(&self, judged: Judged) {
        for waiver in &self.without_inherited(judged).unused {
            self.reporter.report(Event::Warning(unused(waiver)));
        }
    }

    /// What a parent needs waived, a child with other packages may not: only the recipe's own unused waivers stay.
    fn without_inherited(&self, mut judged: Judged) -> Judged {
        let recipe = &self.locked.recipe;
        let inherited = recipe.lint.iter().filter(|w| w.at.file() != recipe.path);
        let inherited: Vec<&Waiver> = inherited.map(|waiver| &waiver.value).collect();
        judged.unused.retain(|waiver| !inherited.contains(&waiver));
        judged
    }

    /// The package tree, which the table of stages has already if the image was just made of it.
    pub(super) fn package_layers(&self) -> Result<Vec<PathBuf>, FetchError> {
        let store = self.sources.store;
        let keys = self.plan.packages.iter();
        let stored: Option<Vec<PathBuf>> =
            keys.map(|key| store.stage(stage::PACKAGES, key)).collect();
        stored.map_or_else(|| self.packages(), Ok)
    }

    fn judge(
        &self,
        packages: &[PathBuf],
        npm: &[(LockedNpm, PathBuf)],
        parts: &Parts,
    ) -> Result<Judged> {
        let recipe = &self.locked.recipe;
        let overlays = &self.laid_over()?.entries;
        let tree = rootfs::tree(&self.parts(packages, npm, overlays))?;
        let config = files::read_text(&parts.kernel.join("config"))?;
        let vmlinux = files::read_start(&parts.kernel.join(kernel::FILE), HEAD)?;
        let initramfs = parts.initramfs.as_deref().map(|folder| {
            let archive = files::read(&folder.join(initramfs::FILE))?;
            let unpacked = initramfs::unpack(&archive)?;
            Ok::<_, Error>(Initramfs {
                bytes: archive.len() as u64,
                unpacked: unpacked.bytes,
                modules: unpacked.modules,
            })
        });
        let image = Image {
            tree: &tree,
            kernel: Kernel {
                config: &config,
                head: &vmlinux,
                bytes: files::metadata(&parts.kernel.join(kernel::FILE))?.len(),
            },
            initramfs: initramfs.transpose()?,
            cmdline: &recipe.kernel.cmdline.value,
            memory_mib: recipe.vm.memory_mib,
            network: recipe.vm.network,
        };
        let waivers: Vec<Waiver> = recipe.lint.iter().map(|w| w.value.clone()).collect();
        Ok(kindling_lint::judge(
            kindling_lint::check(&image)?,
            &waivers,
        ))
    }
}

/// The error that lists every finding.
fn failure(judged: &Judged) -> Error {
    let count = match judged.findings.len() {
        1 => "a defect".to_owned(),
        more => format!("{more} defects"),
    };
    let error = Error::user(format!("the image has {count} that would show at boot"));
    let findings = judged.findings.iter();
    let error = findings.fold(error, |error, one| error.note(one.to_string()));
    error.hint(
        "mend them; `cargo xtask lint --explain RULE` says more, and [[lint.waive]] with a reason lets one pass",
    )
}

/// A waiver that nothing needs, as a warning.
pub(crate) fn unused(waiver: &Waiver) -> String {
    let of = waiver.path.as_deref().map(|path| format!(" of {path}"));
    format!(
        "the waiver of {}{} lets nothing pass: remove it or mend its path",
        waiver.rule,
        of.unwrap_or_default()
    )
}
