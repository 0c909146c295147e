//! Reading a bundle back and proving that no byte has changed.

use std::path::Path;

use kindling_base::{Error, Result, files, hash, parallel, sparse};

use crate::{Artifact, MANIFEST, Manifest, SCHEMA, SUMS};

/// Reads `bundle.json` of the bundle in `folder`; checks its version, not its files.
///
/// # Errors
/// The folder is not a bundle, its manifest does not parse, or its format is newer.
pub fn load(folder: &Path) -> Result<Manifest> {
    let path = folder.join(MANIFEST);
    if !path.exists() {
        return Err(Error::user(format!(
            "{} is not a bundle: it has no {MANIFEST}",
            folder.display()
        ))
        .hint("build one with `cargo xtask build-image`, or name a bundle's folder"));
    }
    let bytes = files::read(&path)?;
    let bad = |error: serde_json::Error| {
        Error::user(format!("{} does not parse", path.display()))
            .because(error)
            .hint("the bundle is damaged: build it again")
    };
    #[derive(serde::Deserialize)]
    struct Version {
        schema: u32,
    }
    let version: Version = serde_json::from_slice(&bytes).map_err(bad)?;
    if version.schema != SCHEMA {
        return Err(Error::user(format!(
            "{} has format {}, this program reads format {SCHEMA}",
            path.display(),
            version.schema
        ))
        .hint("build the bundle again with this version of Kindling, or use the version that built it"));
    }
    serde_json::from_slice(&bytes).map_err(bad)
}

/// Compares every file of the bundle in `folder` with its size and SHA-256 in `manifest`, and
/// `bundle.json` itself with `SHA256SUMS`.
///
/// # Errors
/// A file is missing or differs; the error shows both sides.
pub fn verify(folder: &Path, manifest: &Manifest) -> Result<()> {
    verify_all_but(folder, manifest, &|_| false)
}

/// The same, but for the SHA-256 of files of which `is_known` says that they have it.
///
/// # Errors
/// A file is missing or differs; the error shows both sides.
pub fn verify_all_but(
    folder: &Path,
    manifest: &Manifest,
    is_known: &(dyn Fn(&Artifact) -> bool + Sync),
) -> Result<()> {
    let artifacts: Vec<&Artifact> = manifest.artifacts().collect();
    parallel::each(&artifacts, artifacts.len(), |artifact| {
        verify_artifact(folder, artifact, is_known(artifact))
    })?;
    verify_manifest(folder)
}

fn verify_manifest(folder: &Path) -> Result<()> {
    let sums = files::read_text(&folder.join(SUMS))?;
    let expected = sums
        .lines()
        .find_map(|line| line.strip_suffix(MANIFEST)?.split_whitespace().next())
        .ok_or_else(|| {
            Error::user(format!(
                "{} does not list {MANIFEST}",
                folder.join(SUMS).display()
            ))
        })?;
    compare(
        folder,
        MANIFEST,
        "sha256",
        expected,
        &hash::file(&folder.join(MANIFEST))?,
    )
}

fn verify_artifact(folder: &Path, artifact: &Artifact, is_known: bool) -> Result<()> {
    let path = folder.join(&artifact.file);
    let size = files::open(&path)?
        .metadata()
        .map_err(|error| Error::internal(format!("cannot stat {}", path.display())).because(error))?
        .len();
    compare(
        folder,
        &artifact.file,
        "size",
        &artifact.size.to_string(),
        &size.to_string(),
    )?;
    if is_known {
        return Ok(());
    }
    compare(
        folder,
        &artifact.file,
        "sha256",
        &artifact.sha256,
        &sparse::hash(&path)?,
    )
}

fn compare(folder: &Path, file: &str, what: &str, expected: &str, computed: &str) -> Result<()> {
    if expected == computed {
        return Ok(());
    }
    Err(Error::user(format!(
        "{} is not what was built",
        folder.join(file).display()
    ))
    .note(format!(
        "expected {what} {expected}\ncomputed {what} {computed}"
    ))
    .hint("the bundle is damaged: build it again with `cargo xtask build-image`"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Kernel, Machine, Readiness, Rootfs};

    /// A bundle of two small files.
    fn bundle(folder: &Path) -> Manifest {
        let artifact = |file: &str| {
            let bytes = format!("the bytes of {file}");
            std::fs::write(folder.join(file), &bytes).unwrap();
            Artifact {
                file: file.into(),
                size: bytes.len() as u64,
                sha256: hash::bytes(bytes.as_bytes()),
            }
        };
        let manifest = Manifest {
            schema: SCHEMA,
            agent: false,
            name: "x".into(),
            description: "x".into(),
            architecture: "amd64".into(),
            key: "k".into(),
            kernel: Kernel {
                artifact: artifact("vmlinux"),
                release: "6.1".into(),
            },
            initramfs: None,
            rootfs: Rootfs {
                artifact: artifact("rootfs.ext4"),
                filesystem: "ext4".into(),
                uuid: String::new(),
            },
            cmdline: "root=/dev/vda".into(),
            machine: Machine {
                vcpus: 1,
                memory_mib: 128,
                network: false,
            },
            ready: Readiness {
                marker: "ready".into(),
                timeout_s: 1,
            },
            npm: Vec::new(),
            packages: Vec::new(),
            evidence: Vec::new(),
        };
        let json = serde_json::to_vec(&manifest).unwrap();
        std::fs::write(folder.join(MANIFEST), &json).unwrap();
        let sums = format!("{}  {MANIFEST}\n", hash::bytes(&json));
        std::fs::write(folder.join(SUMS), sums).unwrap();
        manifest
    }

    #[test]
    fn a_whole_bundle_loads_as_it_was_written_and_verifies() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = bundle(folder.path());
        assert_eq!(load(folder.path()).unwrap(), manifest);
        verify(folder.path(), &manifest).unwrap();
    }

    #[test]
    fn one_flipped_bit_in_any_file_is_found_and_both_sides_are_shown() {
        for file in ["vmlinux", "rootfs.ext4", MANIFEST] {
            let folder = tempfile::tempdir().unwrap();
            let manifest = bundle(folder.path());
            let mut bytes = std::fs::read(folder.path().join(file)).unwrap();
            bytes[3] ^= 1;
            std::fs::write(folder.path().join(file), bytes).unwrap();
            let report = verify(folder.path(), &manifest).unwrap_err().report();
            for part in [file, "expected sha256", "computed sha256", "hint: "] {
                assert!(report.contains(part), "no `{part}` in {report}");
            }
        }
    }

    #[test]
    fn what_is_known_is_not_hashed_but_its_size_counts() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = bundle(folder.path());
        let is_known = |artifact: &Artifact| artifact.file == "vmlinux";
        let verify = || verify_all_but(folder.path(), &manifest, &is_known);
        std::fs::write(folder.path().join("vmlinux"), "THE BYTES OF VMLINUX").unwrap();
        verify().unwrap();
        std::fs::write(folder.path().join("vmlinux"), "shorter").unwrap();
        assert!(verify().is_err());
    }

    #[test]
    fn a_missing_file_and_a_longer_one_are_found() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = bundle(folder.path());
        std::fs::write(folder.path().join("vmlinux"), "longer than it was promised").unwrap();
        let report = verify(folder.path(), &manifest).unwrap_err().report();
        assert!(report.contains("expected size 20"), "{report}");
        std::fs::remove_file(folder.path().join("vmlinux")).unwrap();
        assert!(verify(folder.path(), &manifest).is_err());
    }

    #[test]
    fn a_manifest_of_a_later_format_is_refused_with_both_numbers() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(MANIFEST), r#"{"schema": 2, "new": []}"#).unwrap();
        let report = load(folder.path()).unwrap_err().report();
        assert!(
            report.contains("has format 2, this program reads format 1"),
            "{report}"
        );
    }

    #[test]
    fn a_folder_without_a_manifest_is_no_bundle() {
        let folder = tempfile::tempdir().unwrap();
        let report = load(folder.path()).unwrap_err().report();
        assert!(report.contains("is not a bundle"), "{report}");
    }
}
