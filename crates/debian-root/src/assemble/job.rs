//! The job of an assembly, as process 1 of the sandbox does it.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use kindling_base::{Context, Error, Result, files};
use kindling_deb::Control;
use serde::{Deserialize, Serialize};

use crate::dpkg::{Programs, batches, configure, database};
use crate::freeze::{freeze, warm};
use crate::layer::{self, TREE};
use crate::root::{Mark, Root, memory, restore};
use crate::unpack::{Ahead, Claims, Conffiles, DebFile, largest_first, unpack};

/// The job as the sandbox's helper gets it.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Spec {
    pub(super) debs: Vec<PathBuf>,
    pub(super) base: Vec<PathBuf>,
    pub(super) below: Vec<PathBuf>,
    pub(super) epoch: i64,
    pub(super) root: PathBuf,
    pub(super) out: PathBuf,
    pub(super) log: PathBuf,
    pub(super) keep_root: bool,
}

/// Does the job, as process 1 of the sandbox. `configured` gets the number of packages done.
///
/// # Errors
/// As [`crate::assemble()`].
pub(super) fn perform(spec: &Spec, configured: &(dyn Fn(u64) + Sync)) -> Result<()> {
    if !spec.base.is_empty() && add(spec, configured)? {
        return Ok(());
    }
    let started = SystemTime::now();
    let debs = [spec.below.as_slice(), &spec.debs].concat();
    let packages = read(&debs)?;
    files::remove(&spec.root)?;
    // A tree that is to be kept outlives the sandbox, so it has to be on the disk.
    let in_memory = !spec.keep_root && memory::mount(&spec.root, &packages, 0)?;
    let root = prepare(&spec.root, architecture(&packages)?)?;
    let programs = programs_of(spec);
    populate(&packages, &debs, &root, &programs, configured)?;
    configure::audit(&programs)?;
    warm(&programs, &root, None)?;
    kindling_sandbox::end_processes()?;
    freeze(&root, spec.epoch, started, &spec.out.join(TREE))?;
    drop(root);
    clear(spec, in_memory)
}

/// Adds the packages to the layers below; `false` where that cannot be, and nothing is left of it.
fn add(spec: &Spec, configured: &(dyn Fn(u64) + Sync)) -> Result<bool> {
    let started = SystemTime::now();
    let packages = read(&spec.debs)?;
    let base = layer::tree(&spec.base)?;
    files::remove(&spec.root)?;
    let in_memory = !spec.keep_root && memory::mount(&spec.root, &packages, layer::size(&base))?;
    files::create_dir_all(&spec.root)?;
    let root = Root::open(&spec.root)?;
    restore(&root, &base)?;
    let mark = Mark::set(&spec.root)?;
    let programs = programs_of(spec);
    let done = AtomicU64::new(0);
    let deb_files = deb_files(&packages, &spec.debs);
    let count = || configured(1 + done.fetch_add(1, Ordering::Relaxed));
    let added = layer::add(&deb_files, &packages, &root, &programs, &count)?;
    if added {
        configure::audit(&programs)?;
        warm(&programs, &root, Some(mark))?;
    }
    kindling_sandbox::end_processes()?;
    if added {
        layer::freeze_changes(&root, &base, mark, spec.epoch, started, &spec.out)?;
    }
    drop(root);
    clear(spec, in_memory)?;
    Ok(added)
}

pub(crate) fn read(debs: &[PathBuf]) -> Result<Vec<Control>> {
    debs.iter().map(|deb| Control::read(deb)).collect()
}

pub(crate) fn deb_files<'a>(packages: &'a [Control], debs: &'a [PathBuf]) -> Vec<DebFile<'a>> {
    let pairs = packages.iter().zip(debs);
    pairs
        .map(|(control, deb)| DebFile { deb, control })
        .collect()
}

fn programs_of(spec: &Spec) -> Programs {
    Programs {
        root: spec.root.clone(),
        log: spec.log.clone(),
        epoch: spec.epoch,
    }
}

/// Removes the root, unless it is to be kept.
fn clear(spec: &Spec, in_memory: bool) -> Result<()> {
    if in_memory {
        memory::unmount(&spec.root)?;
    }
    if spec.keep_root {
        return Ok(());
    }
    files::remove(&spec.root)
}

/// Brings all packages in, batch by batch.
fn populate(
    packages: &[Control],
    debs: &[PathBuf],
    root: &Root,
    programs: &Programs,
    configured: &(dyn Fn(u64) + Sync),
) -> Result<()> {
    let deb_files = deb_files(packages, debs);
    let dpkg = packages.iter().find(|package| package.name() == "dpkg");
    let dpkg = dpkg.map_or("", |package| package.field("Version"));
    let preinsts = |batch: &[usize]| {
        batch
            .iter()
            .try_for_each(|&i| configure::preinst(programs, root, &packages[i], dpkg))
    };
    let claims = Claims::new(packages, root)?;
    let mut unpacked = HashMap::new();
    let done = AtomicU64::new(0);
    let [first, second] = batches(packages);
    let later = largest_first(&deb_files, &second).into_iter();
    let later: Vec<PathBuf> = later.map(|(_, i)| deb_files[i].deb.to_owned()).collect();
    let mut ahead = Ahead::default();
    for (batch, conffiles) in [(first, Conffiles::InPlace), (second, Conffiles::Pending)] {
        // The first batch's scripts need the batch itself: a shell, libc. Later ones run before their package is
        // unpacked, as they expect, and may divert files of others.
        if conffiles == Conffiles::Pending {
            preinsts(&batch)?;
            ahead.stop();
        }
        unpacked.extend(unpack(
            root, &deb_files, &batch, &claims, conffiles, &ahead,
        )?);
        if conffiles == Conffiles::InPlace {
            // Scripts keep one processor busy: the others have time until the second batch is unpacked.
            ahead = Ahead::start(later.clone(), memory::spare());
            configure::forbid_services(root)?;
            preinsts(&batch)?;
        }
        root.enter(|| {
            let inside = Path::new("/");
            database::forget(inside, packages, &mut unpacked, claims.take_lost())?;
            let rows: Vec<_> = batch
                .iter()
                .map(|i| (&packages[*i], &unpacked[i]))
                .collect();
            database::record(inside, &rows, conffiles)
        })?;
        configure::configure(programs, &|| {
            configured(1 + done.fetch_add(1, Ordering::Relaxed))
        })?;
    }
    Ok(())
}

/// The architecture of the tree: that of the packages that have one.
pub(crate) fn architecture(packages: &[Control]) -> Result<&str> {
    packages
        .iter()
        .map(|package| package.field("Architecture"))
        .find(|architecture| *architecture != "all")
        .ok_or_else(|| Error::user("no package of the set is for an architecture"))
}

/// Makes an empty root with what has to be there before the first package.
pub(crate) fn prepare(path: &Path, architecture: &str) -> Result<Root> {
    files::create_dir_all(path)?;
    // Debian's merged /usr as debootstrap and mmdebstrap make it: the packages of Debian 12 still have files
    // in /bin and /lib, and dpkg follows the links.
    let wide: &[&str] = match architecture {
        "amd64" => &["lib32", "lib64", "libx32"],
        "i386" => &["lib64", "libx32"],
        _ => &[],
    };
    for name in ["bin", "sbin", "lib"].iter().chain(wide) {
        files::create_dir_all(&path.join("usr").join(name))?;
        std::os::unix::fs::symlink(format!("usr/{name}"), path.join(name))
            .context(format!("cannot create {}", path.join(name).display()))?;
    }
    database::initialise(path, architecture)?;
    Root::open(path)
}
