//! The bundle: artifacts of the stages in one folder that appears all at once.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use kindling_base::files::Sharing;
use kindling_base::{Context, Error, Result, files, hash, sparse};
use kindling_bundle::{
    Artifact, Kernel, MANIFEST, Machine, Manifest, NpmPackage, Package, Readiness, Rootfs, SCHEMA,
    SUMS,
};
use kindling_store::Store;

use crate::evidence::{self, Subject};
use crate::inputs::Inputs;
use crate::lock::Locked;
use crate::plan::{Plan, stage};
use crate::seal::{self, READ_ONLY};
use crate::{initramfs, kernel, linked, rootfs};

/// Results of the stages.
#[derive(Debug)]
pub struct Parts {
    /// Folder with `vmlinux` and `release`.
    pub kernel: PathBuf,
    /// Folder with `initramfs.cpio`.
    pub initramfs: Option<PathBuf>,
    /// Folder with `rootfs.ext4`.
    pub rootfs: PathBuf,
}

/// Whether `target` already holds the bundle with this plan's key, every file as it was published.
///
/// Files are compared by size, inode and time of modification with a note that [`publish`] left in the store;
/// after a copy or a touch they are hashed.
pub fn is_current(target: &Path, plan: &Plan, store: &Store) -> bool {
    let Ok(manifest) = kindling_bundle::load(target) else {
        return false;
    };
    if manifest.key != plan.bundle {
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
pub fn publish(
    target: &Path,
    inputs: &Inputs,
    locked: &Locked,
    plan: &Plan,
    parts: &Parts,
    store: &Store,
) -> Result<Manifest> {
    let parent = target.parent().unwrap_or(Path::new("."));
    let _lock = store.lock(&format!("bundle-{}", name_hash(target)), || {})?;
    let staging = parent.join(format!(".{}.staging", locked.recipe.name));
    files::remove(&staging)?; // what a crash left; we hold the lock
    files::create_dir_all(&staging)?;
    let manifest = match fill(&staging, inputs, locked, plan, parts) {
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

fn fill(
    folder: &Path,
    inputs: &Inputs,
    locked: &Locked,
    plan: &Plan,
    parts: &Parts,
) -> Result<Manifest> {
    let recipe = &locked.recipe;
    let release = files::read_text(&parts.kernel.join("release"))?
        .trim()
        .to_owned();
    let initramfs = parts
        .initramfs
        .as_deref()
        .map(|from| add(from, folder, initramfs::FILE));
    let mut manifest = Manifest {
        schema: SCHEMA,
        name: recipe.name.clone(),
        description: recipe.image.description.clone(),
        architecture: recipe.image.architecture.clone(),
        key: plan.bundle.clone(),
        kernel: Kernel {
            artifact: add(&parts.kernel, folder, kernel::FILE)?,
            release,
        },
        initramfs: initramfs.transpose()?,
        rootfs: Rootfs {
            artifact: add(&parts.rootfs, folder, rootfs::FILE)?,
            filesystem: "ext4".into(),
            uuid: rootfs::format_uuid(&rootfs::uuid(&plan.rootfs)),
        },
        cmdline: recipe.kernel.cmdline.value.clone(),
        machine: Machine {
            vcpus: recipe.vm.vcpus,
            memory_mib: recipe.vm.memory_mib,
            network: recipe.vm.network,
        },
        ready: Readiness {
            marker: recipe.ready.marker.clone(),
            timeout_s: recipe.ready.timeout_s,
        },
        agent: recipe.rootfs.agent,
        packages: packages(locked),
        npm: npm(locked),
        evidence: Vec::new(),
    };
    let subject = Subject {
        locked,
        recipe_sha256: &inputs.recipe,
        manifest: &manifest,
        image: &folder.join(rootfs::FILE),
        programs: linked::read(&parts.rootfs)?,
        init: match &parts.initramfs {
            Some(folder) => linked::read(folder)?.pop(),
            None => None,
        },
        stages: plan
            .stages()
            // Packages of npm are inputs, listed as such.
            .filter(|(name, _)| *name != stage::NPM)
            .map(|(stage, key)| (stage, key.to_owned()))
            .collect(),
    };
    let written = evidence::write(&subject)?;
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

fn packages(locked: &Locked) -> Vec<Package> {
    let pinned = &locked.lock.packages;
    let package = |package: &kindling_deb::LockedPackage| Package {
        name: package.name.clone(),
        version: package.version.clone(),
        architecture: package.architecture.clone(),
        sha256: package.sha256.clone(),
    };
    pinned.iter().map(package).collect()
}

fn npm(locked: &Locked) -> Vec<NpmPackage> {
    let package = |package: &kindling_npm_tree::LockedNpm| NpmPackage {
        path: package.path.clone(),
        name: package.name.clone(),
        version: package.version.clone(),
        integrity: package.integrity.clone(),
    };
    locked.lock.npm.iter().map(package).collect()
}

/// Puts one artifact into the bundle. Where it had to be copied, the hash is of the copy, so that what is promised
/// is what is there.
fn add(from: &Path, to: &Path, file: &str) -> Result<Artifact> {
    let (sealed, target) = (from.join(file), to.join(file));
    let sha256 = match files::share(&sealed, &target, READ_ONLY)? {
        Sharing::Reflink | Sharing::HardLink => seal::sha256(&sealed)?,
        Sharing::Copy => {
            files::open(&target)?
                .sync_all()
                .context(format!("cannot sync {}", target.display()))?;
            sparse::hash(&target)?
        }
    };
    Ok(Artifact {
        file: file.into(),
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
