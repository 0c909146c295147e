//! Stage: the bundle, artifacts of the other stages in one folder that appears all at once.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use kindling_base::files::Sharing;
use kindling_base::{Context, Error, Result, files, hash, sparse};
use kindling_bundle::{
    Artifact, Kernel, MANIFEST, Machine, Manifest, NpmPackage, Package, Readiness, Rootfs, SCHEMA,
    SUMS,
};
use kindling_evidence::{Origin, Subject};
use kindling_programs::linked;
use kindling_store::Store;
use kindling_store::seal::{self, READ_ONLY};

/// The hash of all code that a bundle depends on.
pub const CODE: &str = env!("KINDLING_CODE");

/// Artifacts of the other stages: the file of each.
#[derive(Clone, Debug)]
pub struct Parts {
    /// The kernel; beside it, `release` says what `uname -r` will.
    pub kernel: PathBuf,
    /// The initramfs, unless the kernel mounts the root itself.
    pub initramfs: Option<PathBuf>,
    /// The root filesystem's image.
    pub rootfs: PathBuf,
}

/// A bundle to publish.
#[derive(Debug)]
pub struct Request<'a> {
    /// Its key.
    pub key: &'a str,
    /// Its name, which is the recipe's.
    pub name: &'a str,
    /// One line for a person.
    pub description: &'a str,
    /// Debian's name of the architecture.
    pub architecture: &'a str,
    /// UUID of the root filesystem.
    pub uuid: [u8; 16],
    /// The kernel's command line, without what a launcher adds.
    pub cmdline: &'a str,
    /// The machine that it is made for.
    pub machine: Machine,
    /// How a launcher learns that it is up.
    pub ready: Readiness,
    /// Whether the image has the agent.
    pub agent: bool,
    /// Everything that went in.
    pub origin: Origin<'a>,
    /// Its artifacts.
    pub parts: &'a Parts,
}

/// Whether `target` already holds the bundle with this key, every file as it was published.
///
/// Files are compared by size, inode and time of modification with a note that [`publish`] left in the store;
/// after a copy or a touch they are hashed.
pub fn is_current(target: &Path, key: &str, store: &Store) -> bool {
    let Ok(manifest) = kindling_bundle::load(target) else {
        return false;
    };
    if manifest.key != key {
        return false;
    }
    let stamp = stamp(target, &manifest);
    let recorded = files::read_text(&stamp_path(target, store)).ok();
    stamp.is_some() && stamp == recorded || kindling_bundle::verify(target, &manifest).is_ok()
}

/// Puts the parts together and swaps the result into `target`; an earlier bundle stays until then.
///
/// # Errors
/// A part cannot be read or `target`'s parent cannot be written.
pub fn publish(target: &Path, request: &Request<'_>, store: &Store) -> Result<Manifest> {
    let parent = target.parent().unwrap_or(Path::new("."));
    let _lock = store.lock(&format!("bundle-{}", name_hash(target)), || {})?;
    let staging = parent.join(format!(".{}.staging", request.name));
    files::remove(&staging)?; // what a crash left; we hold the lock
    files::create_dir_all(&staging)?;
    let manifest = match fill(&staging, request) {
        Ok(manifest) => manifest,
        Err(error) => {
            let _ = files::remove(&staging); // the first error is the one to show
            return Err(error);
        }
    };
    swap(&staging, target)?;
    files::sync_folder(parent)?;
    if let Some(stamp) = stamp(target, &manifest) {
        files::write_atomic(&stamp_path(target, store), stamp.as_bytes(), 0o644)?;
    }
    Ok(manifest)
}

fn fill(folder: &Path, request: &Request<'_>) -> Result<Manifest> {
    let parts = request.parts;
    let release = files::read_text(&parts.kernel.with_file_name("release"))?;
    let initramfs = parts.initramfs.as_deref().map(|from| add(from, folder));
    let mut manifest = Manifest {
        schema: SCHEMA,
        name: request.name.to_owned(),
        description: request.description.to_owned(),
        architecture: request.architecture.to_owned(),
        key: request.key.to_owned(),
        kernel: Kernel {
            artifact: add(&parts.kernel, folder)?,
            release: release.trim().to_owned(),
        },
        initramfs: initramfs.transpose()?,
        rootfs: Rootfs {
            artifact: add(&parts.rootfs, folder)?,
            filesystem: "ext4".into(),
            uuid: hash::format_uuid(&request.uuid),
        },
        cmdline: request.cmdline.to_owned(),
        machine: request.machine.clone(),
        ready: request.ready.clone(),
        agent: request.agent,
        packages: packages(&request.origin),
        npm: npm(&request.origin),
        evidence: Vec::new(),
    };
    let beside = |artifact: &Path| linked::read(artifact.parent().unwrap_or(artifact));
    let subject = Subject {
        origin: &request.origin,
        manifest: &manifest,
        image: &folder.join(&manifest.rootfs.artifact.file),
        programs: beside(&parts.rootfs)?,
        init: match &parts.initramfs {
            Some(archive) => beside(archive)?.pop(),
            None => None,
        },
    };
    let written = kindling_evidence::write(&subject)?;
    for (file, text) in written {
        let path = folder.join(file);
        files::write_atomic(&path, text.as_bytes(), READ_ONLY)?;
        manifest.evidence.push(Artifact {
            file: file.into(),
            size: text.len() as u64,
            sha256: hash::bytes(text.as_bytes()),
        });
    }
    let mut json = serde_json::to_string_pretty(&manifest)
        .map_err(|error| Error::internal("the manifest does not serialise").because(error))?;
    json.push('\n');
    files::write_atomic(&folder.join(MANIFEST), json.as_bytes(), READ_ONLY)?;
    files::write_atomic(
        &folder.join(SUMS),
        sums(&manifest, &json).as_bytes(),
        READ_ONLY,
    )?;
    Ok(manifest)
}

fn packages(origin: &Origin<'_>) -> Vec<Package> {
    let pinned = origin.packages.iter();
    let package = pinned.map(|package| Package {
        name: package.name.clone(),
        version: package.version.clone(),
        architecture: package.architecture.clone(),
        sha256: package.sha256.clone(),
    });
    package.collect()
}

fn npm(origin: &Origin<'_>) -> Vec<NpmPackage> {
    let pinned = origin.npm.iter();
    let package = pinned.map(|package| NpmPackage {
        path: package.path.clone(),
        name: package.name.clone(),
        version: package.version.clone(),
        integrity: package.integrity.clone(),
    });
    package.collect()
}

/// Puts one artifact into the bundle. Where it had to be copied, the hash is of the copy, so that what is promised
/// is what is there.
fn add(sealed: &Path, to: &Path) -> Result<Artifact> {
    let file = sealed.file_name().unwrap_or_default();
    let target = to.join(file);
    let sha256 = match files::share(sealed, &target, READ_ONLY)? {
        Sharing::Reflink | Sharing::HardLink => seal::sha256(sealed)?,
        Sharing::Copy => {
            files::open(&target)?
                .sync_all()
                .context(format!("cannot sync {}", target.display()))?;
            sparse::hash(&target)?
        }
    };
    Ok(Artifact {
        file: file.to_string_lossy().into_owned(),
        size: files::metadata(&target)?.len(),
        sha256,
    })
}

/// The lines of `SHA256SUMS`, as `sha256sum --check` reads them.
fn sums(manifest: &Manifest, json: &str) -> String {
    let mut lines: Vec<String> = manifest
        .artifacts()
        .map(|artifact| format!("{}  {}\n", artifact.sha256, artifact.file))
        .collect();
    lines.push(format!("{}  {MANIFEST}\n", hash::bytes(json.as_bytes())));
    lines.sort_by(|a, b| a[64..].cmp(&b[64..]));
    lines.concat()
}

/// Puts `new` where `target` is, atomically, and removes what was there.
fn swap(new: &Path, target: &Path) -> Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    if !target.exists() {
        return files::rename(new, target);
    }
    renameat_with(CWD, new, CWD, target, RenameFlags::EXCHANGE).context(format!(
        "cannot put the new bundle into {}",
        target.display()
    ))?;
    files::remove(new)
}

fn stamp_path(target: &Path, store: &Store) -> PathBuf {
    store.root().join("work/bundles").join(name_hash(target))
}

fn name_hash(target: &Path) -> String {
    hash::bytes(target.as_os_str().as_encoded_bytes())
}

/// Size, inode and time of modification of each file of a published bundle; `None` where one is missing. Not the
/// time of change: that differs when the store forgets its name for a file.
fn stamp(target: &Path, manifest: &Manifest) -> Option<String> {
    let files = manifest.artifacts().map(|artifact| artifact.file.as_str());
    let names = [MANIFEST, SUMS].into_iter().chain(files);
    let line = |name: &str| {
        let meta: Metadata = std::fs::symlink_metadata(target.join(name)).ok()?;
        Some(format!(
            "{name} {} {} {}.{:09}\n",
            meta.len(),
            meta.ino(),
            meta.mtime(),
            meta.mtime_nsec()
        ))
    };
    names.map(line).collect()
}
