//! Stage: the finished image judged by the lint's rules, so that what would fail at boot is found before there is a bundle.

use std::collections::BTreeSet;
use std::path::Path;

use kindling_base::{Error, Result, files};
use kindling_lint::{Image, Initramfs, Judged, Kernel, Waiver};
use kindling_tree::Tree;

/// The hash of all code that a report depends on.
pub const CODE: &str = env!("KINDLING_CODE");

/// Name of the report in its stage's folder.
const REPORT: &str = "report.json";
/// Bytes of the kernel's file that tell what it is.
const HEAD: usize = 64;

/// An image to judge.
#[derive(Debug)]
pub struct Subject<'a> {
    /// Everything in its root filesystem.
    pub tree: &'a Tree,
    /// Its kernel's file; `config` lies beside it.
    pub kernel: &'a Path,
    /// Its initramfs, unless the kernel mounts the root itself.
    pub initramfs: Option<&'a Path>,
    /// The kernel's command line, without what a launcher adds.
    pub cmdline: &'a str,
    /// Memory of the machine, in MiB.
    pub memory_mib: u32,
    /// Whether the machine has a network card.
    pub network: bool,
    /// Paths that the recipe itself lays into the tree, without a leading slash.
    pub own: &'a BTreeSet<Vec<u8>>,
    /// Names of the packages that it asks for.
    pub requested: &'a [String],
    /// Findings that pass.
    pub waivers: &'a [Waiver],
}

/// Runs every rule and applies the waivers.
///
/// # Errors
/// The kernel, the initramfs or content of the tree cannot be read.
pub fn judge(subject: &Subject<'_>) -> Result<Judged> {
    let config = files::read_text(&subject.kernel.with_file_name("config"))?;
    let head = files::read_start(subject.kernel, HEAD)?;
    let initramfs = subject.initramfs.map(|file| {
        let archive = files::read(file)?;
        let unpacked = kindling_initramfs::unpack(&archive)?;
        Ok::<_, Error>(Initramfs {
            bytes: archive.len() as u64,
            unpacked: unpacked.bytes,
            modules: unpacked.modules,
        })
    });
    let image = Image {
        tree: subject.tree,
        kernel: Kernel {
            config: &config,
            head: &head,
            bytes: files::metadata(subject.kernel)?.len(),
        },
        initramfs: initramfs.transpose()?,
        cmdline: subject.cmdline,
        memory_mib: subject.memory_mib,
        network: subject.network,
        own: subject.own,
        requested: subject.requested,
    };
    let found = kindling_lint::check(&image)?;
    Ok(kindling_lint::judge(found, subject.waivers))
}

/// Writes the report of an image without a finding into its stage's folder.
///
/// # Errors
/// There are findings, and the error lists every one; or the report cannot be written.
pub fn write(judged: &Judged, out: &Path) -> Result<()> {
    if !judged.findings.is_empty() {
        return Err(failure(judged));
    }
    let json = serde_json::to_string_pretty(judged)
        .map_err(|error| Error::internal("the report does not serialise").because(error))?;
    files::write(&out.join(REPORT), json.as_bytes())
}

/// The report in a stage's folder.
///
/// # Errors
/// It cannot be read.
pub fn read(folder: &Path) -> Result<Judged> {
    let path = folder.join(REPORT);
    serde_json::from_slice(&files::read(&path)?)
        .map_err(|error| Error::external(format!("{} is no report", path.display())).because(error))
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

/// All that is told of an image in spite of which it is built: findings that it gets over, and waivers that nothing needs.
pub fn warnings(judged: &Judged) -> impl Iterator<Item = String> {
    let findings = judged.warnings.iter().map(ToString::to_string);
    findings.chain(judged.unused.iter().map(unused))
}

/// A waiver that nothing needs, as a warning.
fn unused(waiver: &Waiver) -> String {
    let of = waiver.path.as_deref().map(|path| format!(" of {path}"));
    format!(
        "the waiver of {}{} lets nothing pass: remove it or mend its path",
        waiver.rule,
        of.unwrap_or_default()
    )
}
