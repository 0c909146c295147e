//! The lint stage: what would fail at boot is found before there is a bundle.

use std::path::PathBuf;

use kindling_base::{Error, Event, Result, files};
use kindling_debian::FetchError;
use kindling_lint::{Image, Initramfs, Judged, Kernel, Waiver};
use kindling_npm::LockedNpm;

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
    pub(crate) fn lint(&self, parts: &Parts) -> Result<(), FetchError> {
        if self.cached(stage::LINT, &self.plan.lint).is_some() {
            return Ok(());
        }
        let (packages, npm) = (self.package_layers()?, self.npm()?);
        let detail = "looking for what would fail at boot";
        self.stage(stage::LINT, &self.plan.lint, detail, |out| {
            let judged = self.judge(&packages, &npm, parts)?;
            for waiver in &judged.unused {
                self.reporter.report(Event::Warning(unused(waiver)));
            }
            if !judged.findings.is_empty() {
                return Err(failure(&judged));
            }
            let json = serde_json::to_string_pretty(&judged)
                .map_err(|error| Error::internal("the report does not serialise").because(error))?;
            files::write(&out.join(REPORT), json.as_bytes())
        })?;
        Ok(())
    }

    /// What the rules find, waivers applied.
    pub(crate) fn lint_report(&self, parts: &Parts) -> Result<Judged, FetchError> {
        let (packages, npm) = (self.package_layers()?, self.npm()?);
        Ok(self.judge(&packages, &npm, parts)?)
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
        let tree = rootfs::tree(&self.parts(packages, npm, &self.overlays()?))?;
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
        let mut judged = kindling_lint::judge(kindling_lint::check(&image)?, &waivers);
        // What a parent needs waived, a child with other packages may not.
        let inherited = recipe.lint.iter().filter(|w| w.at.file() != recipe.path);
        let inherited: Vec<&Waiver> = inherited.map(|waiver| &waiver.value).collect();
        judged.unused.retain(|waiver| !inherited.contains(&waiver));
        Ok(judged)
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
