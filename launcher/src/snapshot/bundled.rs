//! Snapshots that a bundle carries: its machine, ready, for each engine and version on which one was taken.
//!
//! The bundle's manifest does not list them, because a guest's memory is not reproducible. Each has a manifest of its own.

use std::path::{Path, PathBuf};

use kindling_base::{Error, Result};

use super::{Engine, Snapshot, Snapshots};
use crate::start::bundle;
use crate::vm::stem_of;

/// The folder of the snapshots in a bundle.
const FOLDER: &str = "snapshots";

impl Snapshots {
    /// The snapshots of the bundle in `folder`.
    ///
    /// # Errors
    /// The folder cannot be made or read.
    pub(super) fn of_bundle(folder: &Path) -> Result<Self> {
        Self::open_at(folder.join(FOLDER))
    }
}

/// The name of a bundle's snapshot: `qemu-7-2-22`.
pub(super) fn name(engine: &Engine) -> String {
    let is_version = |word: &&str| {
        word.trim_start_matches('v')
            .starts_with(|c: char| c.is_ascii_digit())
    };
    let version = engine.version.split_whitespace().find(is_version);
    let version = version.unwrap_or("unknown").trim_start_matches('v');
    stem_of(&format!("{}-{version}", engine.name))
}

/// The snapshot that the bundle called `wanted` carries: the one for this host, else any, whose refusal then tells why.
///
/// # Errors
/// There is no such bundle, or it carries no snapshot.
pub(super) fn find(wanted: &str, out: Option<&Path>, from: &Path) -> Result<Snapshot> {
    let folder = bundle::find(wanted, out, from)?;
    let key = kindling_bundle::load(&folder)?.key;
    let none = || {
        Error::user(format!("the bundle {} carries no snapshot", folder.display())).hint(format!(
            "make one with `cargo xtask build-image {wanted} --snapshot`, or start it with `kindling run {wanted}`"
        ))
    };
    if !folder.join(FOLDER).is_dir() {
        return Err(none());
    }
    let (mut carried, _) = Snapshots::of_bundle(&folder)?.list()?;
    carried.retain(|snapshot| snapshot.manifest.spec.bundle.key == key);
    let fits = |snapshot: &Snapshot| {
        let manifest = &snapshot.manifest;
        let here = Engine::of(&manifest.spec, Some(&manifest.engine));
        here.is_ok_and(|here| manifest.engine.differences(&here).is_empty())
    };
    let at = carried.iter().position(fits).unwrap_or(0);
    if at < carried.len() {
        Ok(carried.swap_remove(at))
    } else {
        Err(none())
    }
}

/// The folder of the bundle that a VM was made from, if it still is that bundle.
///
/// # Errors
/// It is gone, or was built anew since.
pub(super) fn home(source: &crate::vm::spec::Source) -> Result<PathBuf> {
    let now = kindling_bundle::load(&source.folder)?.key;
    if now == source.key {
        return Ok(source.folder.clone());
    }
    Err(Error::user(format!(
        "{} was built anew since the VM was started",
        source.folder.display()
    ))
    .hint("start a VM from it as it is now, and save that"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_engine_and_version() {
        let engine = |name: &str, version: &str| {
            serde_json::from_value(serde_json::json!({
                "name": name, "version": version, "format": "", "cpu": "", "host_kernel": "",
                "program": {"path": "", "size": 0, "modified_ns": 0},
            }))
            .unwrap()
        };
        let qemu = engine("qemu", "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7)");
        assert_eq!(name(&qemu), "qemu-7-2-22");
        assert_eq!(
            name(&engine("firecracker", "Firecracker v1.16.1")),
            "firecracker-1-16-1"
        );
        assert_eq!(name(&engine("qemu", "?")), "qemu-unknown");
    }
}
