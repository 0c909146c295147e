//! The files that a measured VM starts from, for the report.

use std::path::Path;

use kindling_base::Result;
use kindling_bench::Artifact;
use kindling_launcher::SnapshotManifest;

/// The files of the bundle in `folder`.
///
/// # Errors
/// Its manifest cannot be read.
pub(super) fn bundle_artifacts(folder: &Path) -> Result<Vec<Artifact>> {
    let manifest = kindling_bundle::load(folder)?;
    let kernel = Some(("kernel", &manifest.kernel.artifact));
    let initramfs = manifest.initramfs.as_ref().map(|file| ("initramfs", file));
    let rootfs = Some(("root file system", &manifest.rootfs.artifact));
    let files = [kernel, initramfs, rootfs].into_iter().flatten();
    let files = files.map(|(name, file)| Artifact {
        name: name.to_owned(),
        sha256: file.sha256.clone(),
        size: Some(file.size),
    });
    Ok([key(&manifest.key)].into_iter().chain(files).collect())
}

/// The files of a snapshot.
pub(super) fn saved_artifacts(manifest: &SnapshotManifest) -> Vec<Artifact> {
    let files = manifest.files.iter().map(|saved| Artifact {
        name: format!("snapshot's {}", saved.file.display()),
        sha256: saved.sha256.clone(),
        size: Some(saved.size),
    });
    let key = key(&manifest.spec.bundle.key);
    [key].into_iter().chain(files).collect()
}

fn key(bundle: &str) -> Artifact {
    Artifact {
        name: "bundle key".to_owned(),
        sha256: bundle.to_owned(),
        size: None,
    }
}
